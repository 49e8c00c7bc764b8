//! Runs the folder of a Functions custom handler as the Azure Functions host does, on one machine without Azure.
//!
//! It reads `host.json` and each `function.json`, starts the executable, waits until it answers, follows the events
//! file of the IoT Hub stand-in, posts batches partition by partition, applies the retry policy and checkpoints. It is
//! a driver for tests and for the demo, not the host itself: what it does and where that is known from stands at each
//! part. *Host source* means `Azure/azure-functions-host`, *extension source* the Event Hubs extension in
//! `Azure/azure-sdk-for-net`, *SDK source* `Azure/azure-webjobs-sdk`.
//!
//! ```text
//! events file -> tail -> partition: batch -> payload -> invocation -> retry -> checkpoint
//!                                              timer ------^ |
//!                                     instance: handler (process, readiness, restart)
//! ```
//!
//! invariant: a partition's events are posted in order, one batch at a time; a batch that fails holds up its own
//! partition and no other.
//! invariant: a partition is read by one instance; timers run on the first. An instance that is gone leaves its partitions
//! to the others, one that joins takes its share from them, and whoever reads a partition anew begins at the checkpoint:
//! what the one before has in hand comes twice, perhaps at the same time.
//! invariant: after the last retry the checkpoint moves on all the same, as in Azure. A handler that wants an event
//! again has to keep failing while its retries last.

mod time_span;
mod schedule;
mod app;
mod event;
mod tail;
mod payload;
mod invocation;
mod retry;
mod checkpoint;
mod progress;
mod flag;
mod lease;
mod instances;
mod handler;
mod options;
mod error;
mod partition;
mod timer;
mod following;
mod launch;
mod host;

pub use app::{App, AppError, Function};
pub use error::HostError;
pub use event::Event;
pub use handler::HandlerOutput;
pub use host::FunctionsHost;
pub use options::HostOptions;
pub use payload::{Context, payload};
pub use progress::Progress;
pub use retry::RetryPolicy;
pub use schedule::{Schedule, Timer};
