//! Policies of 5.x access control.

use protocol::body::auth::{AclInfo, PolicyEntryInfo, PolicyInfo};
use protocol::fastjson;
use protocol::request::auth::{
    AuthCreateAcl, AuthDeleteAcl, AuthGetAcl, AuthListAcl, AuthUpdateAcl,
};

use super::users::each;
use crate::call::Call;
use crate::error::Error;
use crate::out::{Cell, Table};
use crate::remote::Remote;

/// What the options say.
fn acl(call: &Call) -> AclInfo {
    let list = |name| -> Option<Vec<String>> {
        let parts = call.options.get(name)?.split(',').filter(|part| !part.is_empty());
        Some(parts.map(|part| part.trim().to_owned()).collect())
    };
    let entry = |resource: String| PolicyEntryInfo {
        resource: Some(resource),
        actions: list("a"),
        source_ips: list("i"),
        decision: call.options.get("d").map(str::to_owned),
    };
    let entries = list("r").unwrap_or_default().into_iter().map(entry).collect();
    AclInfo {
        subject: call.options.get("s").map(str::to_owned),
        policies: Some(vec![PolicyInfo { entries: Some(entries), policy_type: None }]),
    }
}

/// createAcl
pub fn create(call: &mut Call) -> Result<(), Error> {
    let acl = acl(call);
    each(call, "create acl", |call, address| create_at(&call.remote, address, &acl))
}

/// updateAcl
pub fn update(call: &mut Call) -> Result<(), Error> {
    let acl = acl(call);
    each(call, "update acl", |call, address| update_at(&call.remote, address, &acl))
}

/// deleteAcl
pub fn delete(call: &mut Call) -> Result<(), Error> {
    let option = |name| call.options.get(name).map(str::to_owned);
    let request = AuthDeleteAcl { subject: option("s"), policy_type: None, resource: option("r") };
    each(call, "delete acl", |call, address| call.remote.call(address, &request, b"").map(|_| ()))
}

fn create_at(remote: &Remote, address: &str, acl: &AclInfo) -> Result<(), Error> {
    let request = AuthCreateAcl { subject: acl.subject.clone() };
    remote.call(address, &request, &fastjson::write(acl)).map(|_| ())
}

fn update_at(remote: &Remote, address: &str, acl: &AclInfo) -> Result<(), Error> {
    let request = AuthUpdateAcl { subject: acl.subject.clone() };
    remote.call(address, &request, &fastjson::write(acl)).map(|_| ())
}

fn get_at(remote: &Remote, address: &str, subject: &str) -> Result<Option<AclInfo>, Error> {
    let request = AuthGetAcl { subject: Some(subject.to_owned()) };
    let (_, body) = remote.call(address, &request, b"")?;
    if body.is_empty() { Ok(None) } else { Ok(Some(fastjson::read(&body)?)) }
}

fn list_at(
    remote: &Remote,
    address: &str,
    subject_filter: Option<String>,
    resource_filter: Option<String>,
) -> Result<Vec<AclInfo>, Error> {
    let request = AuthListAcl { subject_filter, resource_filter };
    let (_, body) = remote.call(address, &request, b"")?;
    if body.is_empty() { Ok(Vec::new()) } else { Ok(fastjson::read(&body)?) }
}

fn show(call: &mut Call, acls: &[AclInfo]) {
    let columns = &[
        ("#Subject", "subject"),
        ("#PolicyType", "policyType"),
        ("#Resource", "resource"),
        ("#Actions", "actions"),
        ("#SourceIp", "sourceIps"),
        ("#Decision", "decision"),
    ];
    let mut table = Table::new("%-16s  %-10s  %-22s  %-20s  %-24s  %-10s%n", columns);
    let text = |text: &Option<String>| text.as_deref().unwrap_or("null").into();
    let list = |list: &Option<Vec<String>>| match list {
        Some(list) => Cell::new(format!("[{}]", list.join(", ")), list.clone()),
        None => "null".into(),
    };
    for acl in acls {
        let policies = acl.policies.as_deref().unwrap_or_default();
        if policies.is_empty() {
            let blank = || Cell::from("");
            table.push(vec![text(&acl.subject), blank(), blank(), blank(), blank(), blank()]);
        }
        for policy in policies {
            for entry in policy.entries.iter().flatten() {
                table.push(vec![
                    text(&acl.subject),
                    text(&policy.policy_type),
                    text(&entry.resource),
                    list(&entry.actions),
                    list(&entry.source_ips),
                    text(&entry.decision),
                ]);
            }
        }
    }
    call.out.table("policies", &table);
}

/// getAcl
pub fn get(call: &mut Call) -> Result<(), Error> {
    let subject = call.options.get("s").unwrap_or_default().to_owned();
    for address in call.chosen_masters()?.unwrap_or_default() {
        if let Some(acl) = get_at(&call.remote, &address, &subject)? {
            show(call, &[acl]);
        }
    }
    Ok(())
}

/// listAcl
pub fn list(call: &mut Call) -> Result<(), Error> {
    let option = |call: &Call, name| call.options.get(name).map(str::to_owned);
    for address in call.chosen_masters()?.unwrap_or_default() {
        let acls = list_at(&call.remote, &address, option(call, "s"), option(call, "r"))?;
        if !acls.is_empty() {
            show(call, &acls);
        }
    }
    Ok(())
}

/// copyAcl
pub fn copy(call: &mut Call) -> Result<(), Error> {
    let from = call.options.required("f")?.to_owned();
    let to = call.options.required("t")?.to_owned();
    let acls = match call.options.get("s").filter(|subjects| !subjects.is_empty()) {
        None => list_at(&call.remote, &from, None, None)?,
        Some(subjects) => {
            let mut acls = Vec::new();
            for subject in subjects.split(',').filter(|subject| !subject.is_empty()) {
                acls.extend(get_at(&call.remote, &from, subject)?);
            }
            acls
        }
    };
    for acl in acls {
        let subject = acl.subject.clone().unwrap_or_default();
        match get_at(&call.remote, &to, &subject)? {
            None => create_at(&call.remote, &to, &acl)?,
            Some(_) => update_at(&call.remote, &to, &acl)?,
        }
        call.out.line(&format!("copy acl of {subject} from {from} to {to} success."));
    }
    Ok(())
}
