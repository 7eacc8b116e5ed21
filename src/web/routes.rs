//! Every route, flat. A new one goes here and into [`super::access::GATES`].

use super::{
    Web, access, analytics, bookings, days, demand, devices, drivers, fixes, headers, limits, live, metrics, notify, openapi, orders,
    phones, quotes, receipts, recurrences, reports, schedules, session, settings, sockets, sync, system, tariffs, tokens, track, users,
    vehicles,
};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn api() -> OpenApiRouter<Web> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(quotes::create))
        .routes(routes!(bookings::list, bookings::create))
        .routes(routes!(bookings::export))
        .routes(routes!(bookings::import))
        .routes(routes!(bookings::read, bookings::edit))
        .routes(routes!(bookings::events))
        .routes(routes!(bookings::dispatch))
        .routes(routes!(bookings::offers))
        .routes(routes!(bookings::answer))
        .routes(routes!(bookings::assign))
        .routes(routes!(bookings::unassign))
        .routes(routes!(bookings::lock))
        .routes(routes!(bookings::cancel))
        .routes(routes!(bookings::fail))
        .routes(routes!(bookings::reopen))
        .routes(routes!(bookings::step))
        .routes(routes!(bookings::attachments))
        .routes(routes!(bookings::attachment))
        .routes(routes!(bookings::links, bookings::make_link))
        .routes(routes!(bookings::revoke_link))
        .routes(routes!(recurrences::list, recurrences::create))
        .routes(routes!(recurrences::read, recurrences::change, recurrences::remove))
        .routes(routes!(recurrences::pause))
        .routes(routes!(recurrences::resume))
        .routes(routes!(recurrences::next))
        .routes(routes!(recurrences::skip))
        .routes(routes!(vehicles::list, vehicles::create))
        .routes(routes!(vehicles::nearby))
        .routes(routes!(vehicles::read, vehicles::change))
        .routes(routes!(vehicles::track))
        .routes(routes!(vehicles::duty))
        .routes(routes!(drivers::list, drivers::create))
        .routes(routes!(drivers::me))
        .routes(routes!(drivers::work::work))
        .routes(routes!(drivers::work::free_vehicles))
        .routes(routes!(drivers::work::answer))
        .routes(routes!(drivers::work::steps))
        .routes(routes!(drivers::work::attach))
        .routes(routes!(fixes::report))
        .routes(routes!(drivers::read, drivers::change, drivers::delete))
        .routes(routes!(drivers::duty))
        .routes(routes!(drivers::pause))
        .routes(routes!(drivers::duties))
        .routes(routes!(drivers::shifts::list, drivers::shifts::create))
        .routes(routes!(drivers::shifts::read, drivers::shifts::change, drivers::shifts::delete))
        .routes(routes!(devices::list, devices::create))
        .routes(routes!(devices::read, devices::revoke))
        .routes(routes!(devices::rotate))
        .routes(routes!(days::plans))
        .routes(routes!(days::plan))
        .routes(routes!(days::reports))
        .routes(routes!(days::reports_csv))
        .routes(routes!(demand::picture))
        .routes(routes!(demand::forecast))
        .routes(routes!(demand::accuracy))
        .routes(routes!(demand::staffing))
        .routes(routes!(demand::advice))
        .routes(routes!(analytics::summary))
        .routes(routes!(analytics::timeseries))
        .routes(routes!(analytics::breakdown))
        .routes(routes!(analytics::insights))
        .routes(routes!(reports::report))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::preview))
        .routes(routes!(schedules::read, schedules::change, schedules::remove))
        .routes(routes!(schedules::run))
        .routes(routes!(schedules::runs))
        .routes(routes!(notify::webhooks::list, notify::webhooks::create))
        .routes(routes!(notify::webhooks::read, notify::webhooks::change, notify::webhooks::remove))
        .routes(routes!(notify::webhooks::rotate))
        .routes(routes!(notify::webhooks::test))
        .routes(routes!(notify::webhooks::deliveries))
        .routes(routes!(notify::rules::list, notify::rules::create))
        .routes(routes!(notify::rules::preview))
        .routes(routes!(notify::rules::read, notify::rules::change, notify::rules::remove))
        .routes(routes!(notify::channels::channels))
        .routes(routes!(notify::messages::list))
        .routes(routes!(notify::push::key))
        .routes(routes!(notify::push::subscribe, notify::push::unsubscribe))
        .routes(routes!(notify::deliveries::list))
        .routes(routes!(notify::deliveries::resend))
        .routes(routes!(settings::list))
        .routes(routes!(settings::set, settings::end))
        .routes(routes!(sync::read))
        .routes(routes!(orders::orders))
        .routes(routes!(receipts::receipts))
        .routes(routes!(sync::pause))
        .routes(routes!(sync::resume))
        .routes(routes!(sync::flush))
        .routes(routes!(sync::verify))
        .routes(routes!(tariffs::list, tariffs::create))
        .routes(routes!(tariffs::dry_run))
        .routes(routes!(tariffs::read, tariffs::withdraw))
        .routes(routes!(tariffs::zones::list, tariffs::zones::create))
        .routes(routes!(tariffs::zones::read, tariffs::zones::replace, tariffs::zones::delete))
        .routes(routes!(tariffs::contracts::list, tariffs::contracts::create))
        .routes(routes!(tariffs::contracts::read, tariffs::contracts::replace, tariffs::contracts::delete))
        .routes(routes!(tariffs::promos::list, tariffs::promos::create))
        .routes(routes!(tariffs::promos::read, tariffs::promos::replace, tariffs::promos::delete))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::change))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(session::read, session::open, session::close))
        .routes(routes!(session::setup))
        .routes(routes!(live::socket::live))
        .routes(routes!(track::track))
        .routes(routes!(sockets::receive, sockets::send))
        .routes(routes!(phones::osmand_query, phones::osmand))
        .routes(routes!(phones::owntracks))
        .routes(routes!(system::basemap))
        .routes(routes!(system::cursors))
        .routes(routes!(system::refusals))
        .routes(routes!(system::healthz))
        .routes(routes!(system::readyz))
        .routes(routes!(metrics::scrape))
        .routes(routes!(openapi::openapi))
        .routes(routes!(openapi::asyncapi))
}

/// The API's description as JSON.
pub fn document() -> serde_json::Value {
    let mut document = serde_json::to_value(api().into_openapi()).unwrap_or_default();
    openapi::finish(&mut document);
    document["webhooks"] = crate::notify::catalogue::described();
    document
}

/// All routes behind the access rules, the bounds and the security headers.
pub fn router(web: &Web, sockets: sockets::Service) -> Router {
    Router::from(api())
        .fallback(super::assets::page)
        .layer(Extension(sockets))
        .layer(DefaultBodyLimit::max(web.config.http.max_body_bytes))
        .layer(from_fn_with_state(web.clone(), access::enforce))
        .layer(CatchPanicLayer::custom(limits::panicked))
        .layer(from_fn_with_state(web.limits.clone(), limits::bound))
        .layer(from_fn_with_state(web.counts.clone(), metrics::count))
        .layer(from_fn(headers::secure))
        .with_state(web.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = document();
        let operations = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let mut names: Vec<_> = operations.map(|o| o["operationId"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert!(["bookings_list", "tokens_revoke", "setup", "live", "healthz"].iter().all(|name| names.contains(name)), "{names:?}");
    }

    #[test]
    fn rules_and_description_name_the_same_routes() {
        let document = document();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        let ruled: BTreeSet<_> = access::GATES.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
        assert_eq!(described, ruled);
        assert_eq!(document["openapi"], "3.1.0");
    }

    #[test]
    fn every_reference_in_the_description_resolves() {
        let document = document();
        let text = document.to_string();
        let mut found = 0;
        for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(document.pointer(reference).is_some(), "{reference} is not there");
            found += 1;
        }
        assert!(found > 20, "{found} references");
    }
}
