//! Settings by request.

use protocol::code::response_code;
use protocol::request::config::{GetNamesrvConfig, UpdateNamesrvConfig};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use super::system_error;
use crate::NameServer;
use crate::settings::{self, NotChanged};

pub(crate) fn update(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    _: UpdateNamesrvConfig,
) -> Answer<UpdateNamesrvConfig> {
    let text = std::str::from_utf8(call.frame.body)
        .map_err(|e| system_error(format!("string2Properties error: the body: {e}")))?;
    let pairs = server.settings.change(text).map_err(|why| match why {
        NotChanged::BlackListed => {
            let remark = "Can not update config in black list.";
            Refusal::new(response_code::NO_PERMISSION, remark)
        }
        NotChanged::Bad(bad) => system_error(format!("nothing was changed: {bad}")),
    })?;
    tracing::info!(?pairs, "settings changed");
    server.table.forget_forms();
    let path = &server.settings_file;
    settings::save(&*server.disk, path, &pairs).map_err(|e| {
        system_error(format!("changed until the next start, not saved: {}: {e}", path.display()))
    })?;
    Ok(Reply::done())
}

pub(crate) fn show(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetNamesrvConfig,
) -> Answer<GetNamesrvConfig> {
    Ok(Reply::body(server.settings.text().into_bytes()))
}
