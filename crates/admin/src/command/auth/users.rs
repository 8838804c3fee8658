//! Users of 5.x access control.

use protocol::body::auth::UserInfo;
use protocol::fastjson;
use protocol::request::auth::{
    AuthCreateUser, AuthDeleteUser, AuthGetUser, AuthListUser, AuthUpdateUser,
};

use crate::call::Call;
use crate::error::Error;
use crate::out::Table;
use crate::remote::Remote;

fn user(call: &Call) -> UserInfo {
    let option = |name| call.options.get(name).map(str::to_owned);
    UserInfo {
        username: option("u"),
        password: option("p"),
        user_type: option("t"),
        user_status: None,
    }
}

/// Calls every chosen broker, slaves too: each keeps users of its own.
pub(super) fn each(
    call: &mut Call,
    done: &str,
    ask: impl Fn(&Call, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(addresses) = call.chosen_brokers()? else {
        call.print_usage();
        return Ok(());
    };
    for address in addresses {
        ask(call, &address)?;
        call.out.line(&format!("{done} to {address} success."));
    }
    Ok(())
}

/// createUser
pub fn create(call: &mut Call) -> Result<(), Error> {
    let user = user(call);
    each(call, "create user", |call, address| create_at(&call.remote, address, &user))
}

/// updateUser
pub fn update(call: &mut Call) -> Result<(), Error> {
    let mut user = user(call);
    user.user_status = call.options.get("s").map(str::to_owned);
    each(call, "update user", |call, address| update_at(&call.remote, address, &user))
}

/// deleteUser
pub fn delete(call: &mut Call) -> Result<(), Error> {
    let request = AuthDeleteUser { username: call.options.get("u").map(str::to_owned) };
    each(call, "delete user", |call, address| call.remote.call(address, &request, b"").map(|_| ()))
}

fn create_at(remote: &Remote, address: &str, user: &UserInfo) -> Result<(), Error> {
    let request = AuthCreateUser { username: user.username.clone() };
    remote.call(address, &request, &fastjson::write(user)).map(|_| ())
}

fn update_at(remote: &Remote, address: &str, user: &UserInfo) -> Result<(), Error> {
    let request = AuthUpdateUser { username: user.username.clone() };
    remote.call(address, &request, &fastjson::write(user)).map(|_| ())
}

fn get_at(remote: &Remote, address: &str, username: &str) -> Result<Option<UserInfo>, Error> {
    let request = AuthGetUser { username: Some(username.to_owned()) };
    let (_, body) = remote.call(address, &request, b"")?;
    if body.is_empty() { Ok(None) } else { Ok(Some(fastjson::read(&body)?)) }
}

fn list_at(remote: &Remote, address: &str, filter: Option<&str>) -> Result<Vec<UserInfo>, Error> {
    let request = AuthListUser { filter: filter.map(str::to_owned) };
    let (_, body) = remote.call(address, &request, b"")?;
    if body.is_empty() { Ok(Vec::new()) } else { Ok(fastjson::read(&body)?) }
}

fn table(users: &[UserInfo]) -> Table {
    let columns = &[
        ("#UserName", "username"),
        ("#Password", "password"),
        ("#UserType", "userType"),
        ("#UserStatus", "userStatus"),
    ];
    let mut table = Table::new("%-16s  %-22s  %-22s  %-22s%n", columns);
    let text = |text: &Option<String>| text.as_deref().unwrap_or("null").into();
    for user in users {
        table.push(vec![
            text(&user.username),
            text(&user.password),
            text(&user.user_type),
            text(&user.user_status),
        ]);
    }
    table
}

/// getUser
pub fn get(call: &mut Call) -> Result<(), Error> {
    let username = call.options.get("u").unwrap_or_default().to_owned();
    for address in call.chosen_masters()?.unwrap_or_default() {
        if let Some(user) = get_at(&call.remote, &address, &username)? {
            call.out.table("users", &table(&[user]));
            break;
        }
    }
    Ok(())
}

/// listUser
pub fn list(call: &mut Call) -> Result<(), Error> {
    let filter = call.options.get("f").map(str::to_owned);
    let is_one = call.options.has("b");
    for address in call.chosen_masters()?.unwrap_or_default() {
        let users = list_at(&call.remote, &address, filter.as_deref())?;
        if users.is_empty() {
            continue;
        }
        call.out.table("users", &table(&users));
        if !is_one {
            call.out.line(&format!("get user from {address} success."));
        }
        break;
    }
    Ok(())
}

/// copyUser
pub fn copy(call: &mut Call) -> Result<(), Error> {
    let from = call.options.required("f")?.to_owned();
    let to = call.options.required("t")?.to_owned();
    let users = match call.options.get("u").filter(|names| !names.is_empty()) {
        None => list_at(&call.remote, &from, None)?,
        Some(names) => {
            let mut users = Vec::new();
            for name in names.split(',').filter(|name| !name.is_empty()) {
                users.extend(get_at(&call.remote, &from, name)?);
            }
            users
        }
    };
    for user in users {
        let name = user.username.clone().unwrap_or_default();
        match get_at(&call.remote, &to, &name)? {
            None => create_at(&call.remote, &to, &user)?,
            Some(_) => update_at(&call.remote, &to, &user)?,
        }
        call.out.line(&format!("copy user of {name} from {from} to {to} success."));
    }
    Ok(())
}
