//! Triggers and outputs: whether they can be used, and whether they fit together.

use super::checked::Checked;
use crate::{
    config::Config,
    outbox::Outbox,
    plant::{OutputSettings, TriggerSettings},
};

pub(super) fn plant(config: &Config) -> Vec<Checked> {
    let is_running = Outbox::is_in_use(&config.outbox.file);
    let check = |subject, try_out: &dyn Fn() -> Result<(), String>| {
        if is_running {
            return Checked::warning(subject, "not tried, as its agent is running");
        }
        match try_out() {
            Ok(()) => Checked::ok(subject, "can be used"),
            Err(reason) => Checked::fault(subject, reason),
        }
    };
    let (trigger, outputs) = (config.trigger.as_ref(), config.outputs.as_ref());
    let checked = [
        trigger.map(|it| check("trigger", &|| it.try_out())),
        outputs.map(|it| check("outputs", &|| it.try_out())),
        trigger.zip(outputs).and_then(|(trigger, outputs)| too_late(trigger, outputs)),
    ];
    checked.into_iter().flatten().collect()
}

/// Whether an item that no frame shows is known too late for its reject, each time.
fn too_late(trigger: &TriggerSettings, outputs: &OutputSettings) -> Option<Checked> {
    let rules = outputs.rules;
    let has_reject = outputs.gpio.as_ref().is_some_and(|it| it.reject.is_some())
        || outputs.modbus.as_ref().is_some_and(|it| it.reject.is_some());
    let is_too_late = has_reject
        && rules.rejects_not_inspected
        && trigger.patience >= rules.delay.saturating_add(rules.pulse);
    is_too_late.then(|| {
        let message = format!(
            "a trigger without a frame is given up after {:?}, when the item's reject is over ({:?} after it, for {:?}), \
             so that it is told and not rejected; raise outputs.reject_delay_milliseconds, or lower \
             trigger.patience_milliseconds",
            trigger.patience, rules.delay, rules.pulse
        );
        Checked::warning("outputs", message)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plant::{OutputCoils, Rules, Server};

    #[test]
    fn a_reject_that_is_over_before_its_item_is_given_up_is_warned_of() {
        let coils = |reject| OutputCoils {
            server: Server { address: "127.0.0.1:502".parse().unwrap(), unit: 1 },
            reject,
            light: None,
            ready: None,
            heartbeat: None,
        };
        let warns = |patience, delay, rejects_not_inspected, reject| {
            let trigger = TriggerSettings {
                ways: Vec::new(),
                delay: Duration::ZERO,
                patience: Duration::from_millis(patience),
            };
            let rules = Rules {
                delay: Duration::from_millis(delay),
                pulse: Duration::from_millis(100),
                light: Duration::ZERO,
                rejects_not_inspected,
            };
            let outputs = OutputSettings { rules, gpio: None, modbus: Some(coils(reject)) };
            too_late(&trigger, &outputs).is_some()
        };
        assert!(warns(1000, 0, true, Some(1)));
        assert!(warns(1000, 900, true, Some(1)));
        assert!(!warns(1000, 901, true, Some(1)), "the end of its pulse is still ahead");
        assert!(!warns(1000, 0, false, Some(1)), "it is not to be rejected");
        assert!(!warns(1000, 0, true, None), "nothing rejects");
    }
}
