//! tract's faults, with what can be done.

use tract_onnx::prelude::TractError;

pub(super) fn tell(error: TractError) -> String {
    format!("{error:#}; export it with static shapes and standard operators")
}
