//! `[station]`: who it is.

use andon_telemetry::Station;

use super::{
    document::Document,
    value::{id, name},
};

pub(super) fn read(document: &Document<'_>) -> Option<Station> {
    let section = document.section("station");
    let station = section.required("id", "\"press-3\"", id);
    let line = section.required("line", "\"line 2\"", name);
    let product = section.required("product", "\"door hinge\"", name);
    Some(Station { id: station?, line: line?, product: product? })
}
