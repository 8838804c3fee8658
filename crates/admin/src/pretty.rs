//! JSON laid out as Java's library does it: tabs, a line for each member, maps with whole numbers
//! as keys in one line and their brace on the next.

use protocol::fastjson;
use serde::Serialize;
use serde_json::{Map, Value};

/// `body` in lines.
pub fn pretty<T: Serialize>(body: &T) -> String {
    let mut out = String::new();
    append(&mut out, &value(body), 0);
    out
}

/// `body` as a tree, its members in Java's order.
pub fn value<T: Serialize>(body: &T) -> Value {
    serde_json::from_slice(&fastjson::write_strict(body)).unwrap_or(Value::Null)
}

fn append(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if is_numbered(members) => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(key);
                out.push(':');
                append(out, value, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(out, depth + 1);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                append(out, value, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(out, depth + 1);
                append(out, item, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn is_numbered(members: &Map<String, Value>) -> bool {
    !members.is_empty() && members.keys().all(|key| key.bytes().all(|b| b.is_ascii_digit()))
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n('\t', depth));
}

#[cfg(test)]
mod tests {
    use protocol::body::route::{BrokerData, TopicRouteData};

    #[test]
    fn routes_look_as_recorded() {
        let mut route = TopicRouteData::default();
        route.broker_datas.push(BrokerData {
            broker_addrs: [(0, "a:1".to_owned())].into(),
            broker_name: "b".to_owned(),
            ..BrokerData::default()
        });
        assert_eq!(
            super::pretty(&route),
            "{\n\t\"brokerDatas\":[\n\t\t{\n\t\t\t\"brokerAddrs\":{0:\"a:1\"\n\t\t\t},\n\t\t\t\
             \"brokerName\":\"b\",\n\t\t\t\"enableActingMaster\":false\n\t\t}\n\t],\n\t\
             \"filterServerTable\":{},\n\t\"queueDatas\":[]\n}"
        );
    }
}
