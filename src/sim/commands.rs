//! What the depot says on `v/{vehicle}/cmd`.

use super::driver::{Input, Job};
use crate::model::{Place, Step};
use serde_json::Value;

/// What a message means to a driver; `None` when it is not about work.
pub fn read(message: &Value) -> Option<Input> {
    let text = |name: &str| message[name].as_str();
    let step = || text("step").and_then(Step::parse);
    let booking = text("booking_id")?.to_owned();
    match text("type")? {
        "job" => {
            let order = &message["booking"];
            Some(Input::Job(Job { booking, pickup: place(&order["pickup"])?, dropoff: place(&order["dropoff"])? }))
        }
        "job_cancelled" => Some(Input::Cancelled(booking)),
        "step_ack" => Some(Input::Acked(booking, step()?)),
        "step_rejected" => Some(Input::Rejected(booking, step()?, text("reason").unwrap_or_default().to_owned())),
        _ => None,
    }
}

fn place(site: &Value) -> Option<Place> {
    Place::new(site["lat"].as_f64()?, site["lon"].as_f64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_four_words_about_work_are_understood_and_others_passed_over() {
        let here = json!({"lat": 42.5, "lon": 1.5, "address": "x"});
        let job = json!({"type": "job", "seq": 3, "booking_id": "b", "booking": {"pickup": here, "dropoff": here}});
        assert!(matches!(read(&job), Some(Input::Job(job)) if job.booking == "b" && job.pickup.lat() == 42.5));
        assert_eq!(read(&json!({"type": "job_cancelled", "booking_id": "b"})), Some(Input::Cancelled("b".into())));
        let ack = json!({"type": "step_ack", "booking_id": "b", "step": "arrived", "status": "arrived"});
        assert_eq!(read(&ack), Some(Input::Acked("b".into(), Step::Arrived)));
        let refusal = json!({"type": "step_rejected", "booking_id": "b", "step": "arrived", "reason": "no"});
        assert_eq!(read(&refusal), Some(Input::Rejected("b".into(), Step::Arrived, "no".into())));
        assert_eq!(read(&json!({"type": "message", "text": "hello"})), None);
    }
}
