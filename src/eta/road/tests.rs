use super::*;
use crate::eta::cache;
use crate::model::Place;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Ways of 2 km each, that no batch of two places can hold together.
fn ways(count: u32) -> Vec<Way> {
    let end = |north: f64, east: f64| {
        let place = Place::new(north, east).unwrap();
        (cache::cell(place).unwrap(), place)
    };
    (0..count).map(f64::from).map(|n| (end(n / 50.0, 0.0), end(n / 50.0, 0.018))).collect()
}

/// A service behind a listener that answers each connection with `answer`, or never.
async fn service(answer: Option<String>, change: impl FnOnce(&mut config::Eta)) -> (RoadService, impl Future<Output = ()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config::Eta { road_url: format!("http://{}", listener.local_addr().unwrap()), ..config::Eta::default() };
    (config.road_coordinates, config.breaker_failures) = (2, 1);
    change(&mut config);
    let serve = async move {
        let mut open = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            if let Some(answer) = &answer {
                let mut head = [0; 4_096];
                assert!(socket.read(&mut head).await.unwrap() > 0);
                // A client that has read enough hangs up.
                drop(socket.write_all(answer.as_bytes()).await);
            } else {
                open.push(socket);
            }
        }
    };
    (RoadService::new(&config, 1, Clock::system()).unwrap(), serve)
}

fn http(status: &str, body: &str) -> Option<String> {
    Some(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()))
}

/// Asks for so many ways at once; how many batches were answered.
async fn ask(service: &RoadService, serve: impl Future<Output = ()>, count: u32) -> usize {
    let until = service.clock.monotonic() + Duration::from_secs(60);
    let asked = service.ask(ways(count), usize::MAX, until);
    tokio::select! {
        told = asked => told.len(),
        () = serve => unreachable!("it serves forever"),
    }
}

#[tokio::test]
async fn more_than_the_bulkhead_holds_is_not_asked() {
    let narrow = |config: &mut config::Eta| (config.road_requests, config.road_timeout_ms) = (2, 50);
    let (service, serve) = service(None, narrow).await;
    assert_eq!(ask(&service, serve, 5).await, 0);
    let stats = service.stats();
    assert_eq!((stats.withheld["busy"], stats.failed["slow"]), (3, 2));
    assert_eq!(service.state(), State::Open);
}

#[tokio::test]
async fn a_request_that_does_not_fit_into_the_time_left_is_not_made() {
    let (service, _) = service(None, |_| {}).await;
    let told = service.ask(ways(1), 1, service.clock.monotonic()).await;
    assert!(told.is_empty());
    assert_eq!((service.stats().withheld["late"], service.state()), (1, State::Closed));
}

#[tokio::test]
async fn an_endless_answer_a_wrong_one_and_a_refusal_open_the_breaker() {
    let endless = http("200 OK", &" ".repeat(1_000_000));
    let wrong = http("200 OK", r#"{"code":"Ok","durations":[[-1]],"distances":[[2500]]}"#);
    let redirect = Some("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n".to_owned());
    let cases = [(endless, "too_long"), (wrong, "wrong"), (http("500 Oh", "{}"), "status"), (redirect, "status")];
    for (answer, reason) in cases {
        let (service, serve) = service(answer, |_| {}).await;
        assert_eq!(ask(&service, serve, 1).await, 0);
        assert_eq!((service.stats().failed[reason], service.state()), (1, State::Open), "{reason}");
    }
}

#[tokio::test]
async fn a_place_without_a_road_is_not_the_services_fault() {
    let (service, serve) = service(http("400 Bad Request", r#"{"code":"NoSegment","message":"…"}"#), |_| {}).await;
    assert_eq!(ask(&service, serve, 1).await, 0);
    assert_eq!((service.stats().failed["off_road"], service.state()), (1, State::Closed));
}
