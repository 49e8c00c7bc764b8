//! The store's part of an invocation: logs, desk, logs again; and what was set aside.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::kept::{Handed, Kept};
use super::{Handler, SWEEP};
use crate::desk::Desk;
use crate::health::after;
use crate::intake::{Fact, Refusal};
use crate::journal::Journal;
use crate::plain::plain;
use crate::plan::Plan;
use crate::station::{StationLog, Taken, hex};
use crate::store::{Expected, Store, StoreError};

/// Devices whose logs are read and written at the same time.
const AT_ONCE: usize = 8;
/// Bytes of a poison event that are kept.
const KEPT: usize = 16 * 1024;
/// The desk's key.
const DESK: &str = "desk.json";

/// An event that the desk must count.
pub(super) struct Counted {
    key: String,
    device: String,
    reason: String,
}

/// Something for a person to look at.
#[derive(Debug, Serialize)]
pub(super) struct SetAside<'a> {
    /// `event` or `mail`.
    pub(super) kind: &'static str,
    /// When, RFC 3339.
    pub(super) at: String,
    /// Who sent it, where known.
    pub(super) device: Option<&'a str>,
    /// Partition and sequence number, or the Message-ID.
    pub(super) origin: &'a str,
    /// Why.
    pub(super) reason: &'a str,
    /// The length of the whole, in bytes.
    pub(super) bytes: usize,
    /// How it begins.
    pub(super) content: String,
}

impl Handler {
    /// The desk as it is.
    pub(super) async fn desk(&self) -> Result<Desk, StoreError> {
        self.on_the_desk(|_| ((), false)).await.map(|(desk, ())| desk)
    }

    pub(super) async fn on_the_desk<R>(
        &self,
        change: impl FnMut(&mut Desk) -> (R, bool),
    ) -> Result<(Desk, R), StoreError> {
        self.store.update(DESK, Desk::new, change).await
    }

    /// Folds facts into the logs of their devices.
    pub(super) async fn keep_facts(
        &self,
        facts: BTreeMap<String, Vec<Fact>>,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let (turns, mut tasks) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
        for (device, facts) in facts {
            let (store, plan, turns) = (Arc::clone(&self.store), Arc::clone(&self.plan), Arc::clone(&turns));
            tasks.spawn(async move {
                let _turn = turns.acquire_owned().await;
                keep_device(&store, &plan, device, &facts, now).await
            });
        }
        let (mut all, mut failure) = (Kept::default(), None);
        while let Some(kept) = tasks.join_next().await {
            match kept {
                Ok(Ok(kept)) => {
                    all.handed.extend(kept.handed);
                    all.folded += kept.folded;
                    all.duplicates += kept.duplicates;
                    all.full += kept.full;
                }
                Ok(Err(error)) => failure = Some(error),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        // The others' logs are kept and hand their notices on when the batch comes again.
        failure.map_or(Ok(all), Err)
    }

    /// Tells the desk what devices have to say, and then strikes it from their logs. Who strikes also sees what another
    /// brought meanwhile, whose word the desk may have heard before ours, and then says the newest word once more.
    pub(super) async fn hand_on(
        &self,
        handed: Vec<Handed>,
        refused: &[Counted],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut handed, mut refused) = (handed, refused);
        while !handed.is_empty() || !refused.is_empty() {
            self.on_the_desk(|desk| {
                for Handed { device, notices, due } in &handed {
                    desk.take(device, notices, *due, now, &self.plan);
                }
                for Counted { key, device, reason } in refused {
                    desk.refuse(key, device, reason, now);
                }
                ((), true)
            })
            .await?;
            refused = &[];
            let mut newer = Vec::new();
            for Handed { device, notices, due } in handed {
                let last = notices.last().map(|notice| notice.own);
                let fresh = || StationLog::new(&device, now);
                let strike = |log: &mut StationLog| ((), log.handed_on(last, due));
                let (log, ()) = self.store.update(&station_key(&device), fresh, strike).await?;
                newer.extend(to_hand_on(&log, &self.plan, false));
            }
            handed = newer;
        }
        Ok(())
    }

    /// Devices whose logs a crash left with something to say that the desk does not know of. Looked for once an
    /// hour, among the logs that were written since.
    pub(super) async fn left_behind(&self, desk: &Desk, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let mut swept = self.swept.lock().await;
        let since = swept.unwrap_or(now - SWEEP);
        if swept.is_some_and(|last| after(last, SWEEP) > now) {
            return Ok(Vec::new());
        }
        let since = (since - SWEEP).as_second();
        let mut left = Vec::new();
        for (key, written) in self.store.list("stations/").await? {
            if written < since {
                continue;
            }
            let Some(found) = self.store.get(&key).await? else { continue };
            let Ok(log) = serde_json::from_slice::<StationLog>(&found.bytes) else { continue };
            let unknown = log.due_at(&self.plan.policy).is_some() && desk.wakes(&log.device).is_none();
            if !log.notices().is_empty() || unknown {
                left.push(log.device);
            }
        }
        *swept = Some(now);
        Ok(left)
    }

    /// Keeps events that are no reports for people to look at; the same event overwrites itself.
    pub(super) async fn set_aside(
        &self,
        refusals: &[Refusal],
        now: Timestamp,
        journal: &mut Journal,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut all = Vec::new();
        for refusal in refusals {
            let device = refusal.device.as_deref().unwrap_or("unknown");
            journal
                .warn(format!("event {} of device {device} set aside: {}", refusal.origin, refusal.reason));
            let start = refusal.body.get(..KEPT).unwrap_or(&refusal.body);
            let content = String::from_utf8_lossy(start).into_owned();
            let key = short_hash(&format!("{device} {} {content}", refusal.origin));
            let matter = SetAside {
                kind: "event",
                at: now.to_string(),
                device: refusal.device.as_deref(),
                origin: &refusal.origin,
                reason: &refusal.reason,
                bytes: refusal.body.len(),
                content,
            };
            self.put_aside(&key, &matter).await?;
            let reason = plain(&refusal.reason, 120);
            all.push(Counted { key, device: plain(device, 128), reason });
        }
        Ok(all)
    }

    pub(super) async fn put_aside(&self, key: &str, matter: &SetAside<'_>) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec_pretty(matter).unwrap_or_default();
        let key = format!("refused/{}-{key}.json", matter.kind);
        self.store.put(&key, bytes, Expected::Anything).await.map(drop)
    }
}

async fn keep_device(
    store: &Store,
    plan: &Plan,
    device: String,
    facts: &[Fact],
    now: Timestamp,
) -> Result<Kept, StoreError> {
    let fresh = || StationLog::new(&device, now);
    let fold = |log: &mut StationLog| {
        let (mut kept, mut changed) = (Kept::default(), false);
        for fact in facts {
            match fact {
                Fact::Report(report) => match log.take(report, now) {
                    Taken::Folded => kept.folded += 1,
                    Taken::Duplicate => kept.duplicates += 1,
                    Taken::Full => kept.full += 1,
                },
                Fact::Sign(sign, at) => changed |= log.observe(sign, *at, &plan.policy),
                Fact::Acknowledged { incident, by } => changed |= log.acknowledge(Some(incident), by),
            }
        }
        let news = log.decide(now, &plan.policy);
        changed |= kept.folded > 0 || news;
        (kept, changed)
    };
    let (log, mut kept) = store.update(&station_key(&device), fresh, fold).await?;
    kept.handed.extend(to_hand_on(&log, plan, facts.is_empty()));
    Ok(kept)
}

fn to_hand_on(log: &StationLog, plan: &Plan, asked: bool) -> Option<Handed> {
    let due = log.to_hand_on(&plan.policy, asked)?;
    Some(Handed { device: log.device.clone(), notices: log.notices().to_vec(), due })
}

/// Names from outside become no names of files or blobs.
fn station_key(device: &str) -> String {
    format!("stations/{}.json", short_hash(device))
}

/// 32 hex digits.
pub(super) fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text)[..16])
}
