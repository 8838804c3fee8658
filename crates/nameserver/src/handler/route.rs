//! Where the queues of a topic are: the one request that clients send all the time. The answer is
//! kept as bytes, so that serving it is a look-up and a copy.

use protocol::body::route::TopicRouteData;
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::Request;
use protocol::request::name_server::GetRouteInfoByTopic;
use protocol::version::V4_9_4;
use remoting::{Call, Exchange, Refusal};

use super::register::ZONE_NAME;
use super::system_error;
use crate::NameServer;
use crate::kv_table::ORDER_TOPIC_CONFIG;
use crate::route_table::{Form, PickRules, RouteTable, keep_zone};

/// Field of clients that want brokers of their own zone only.
const ZONE_MODE: &str = "__ZONE_MODE";
/// What follows the remark of a topic without a route.
const SEE: &str = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";

pub(crate) fn route_by_topic(
    server: &mut NameServer,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
) {
    let to = call.reply_handle();
    match find(server, exchange, call) {
        Ok(Found::Kept(body)) => {
            exchange.reply(to, response_code::SUCCESS, None, |_| {}, body);
        }
        Ok(Found::Made(body)) => {
            exchange.reply(to, response_code::SUCCESS, None, |_| {}, &body);
        }
        Err(refusal) => exchange.refuse(to, refusal.code, &refusal.remark),
    }
}

enum Found<'a> {
    /// The kept answer.
    Kept(&'a [u8]),
    /// An answer for this client.
    Made(Vec<u8>),
}

fn find<'a>(
    server: &'a mut NameServer,
    exchange: &Exchange<'_>,
    call: &Call<'_>,
) -> Result<Found<'a>, Refusal> {
    let request = GetRouteInfoByTopic::decode(&call.frame.fields)
        .map_err(|bad| system_error(format!("{}: {bad}", GetRouteInfoByTopic::NAME)))?;
    let config = &server.settings.config;
    let waited_ns = exchange.now_ns.saturating_sub(server.started_ns);
    if config.need_wait_for_service && waited_ns / 1_000_000_000 < config.wait_s_for_service {
        return Err(system_error("name server not ready"));
    }
    let topic = &request.topic;
    let form = form(call.frame.version, request.accept_standard_json_only.unwrap_or(false));
    let rules = || PickRules {
        support_acting_master: config.support_acting_master,
        order_topic_conf: config
            .order_message_enable
            .then(|| server.kv.get(ORDER_TOPIC_CONFIG, topic).map(str::to_owned))
            .flatten(),
    };
    let found = match zone(call) {
        Some(zone) => server.table.pick(topic, rules()).map(|mut route| {
            keep_zone(&mut route, zone);
            Found::Made(write(route, form))
        }),
        None => {
            let make = |table: &RouteTable| Some(write(table.pick(topic, rules())?, form));
            server.table.route_body(topic, form, make).map(Found::Kept)
        }
    };
    found.ok_or_else(|| {
        let remark = format!("No topic route info in name server for the topic: {topic}{SEE}");
        Refusal::new(response_code::TOPIC_NOT_EXIST, remark)
    })
}

fn zone<'a>(call: &Call<'a>) -> Option<&'a str> {
    let fields = &call.frame.fields;
    let zone = fields.text(ZONE_NAME).filter(|zone| !zone.trim().is_empty())?;
    fields.is_true(ZONE_MODE).then_some(zone)
}

fn form(version: i32, standard: bool) -> Form {
    match (version >= V4_9_4, standard) {
        (true, _) => Form::Strict,
        (false, true) => Form::StrictOld,
        (false, false) => Form::Loose,
    }
}

fn write(mut route: TopicRouteData, form: Form) -> Vec<u8> {
    if form != Form::Strict {
        for queues in &mut route.queue_datas {
            queues.topic_syn_flag = Some(queues.topic_sys_flag);
        }
    }
    match form {
        Form::Strict | Form::StrictOld => fastjson::write_strict(&route),
        Form::Loose => fastjson::write(&route),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_the_client() {
        // 4.9.4 is 401, the Go client says 317, 4.4 is 293.
        assert_eq!(form(479, false), Form::Strict);
        assert_eq!(form(401, false), Form::Strict);
        assert_eq!(form(399, false), Form::Loose);
        assert_eq!(form(317, true), Form::StrictOld);
        assert_eq!(form(293, false), Form::Loose);
    }
}
