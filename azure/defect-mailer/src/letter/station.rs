//! A mail about a station itself: silent, unable to inspect, or back.

use super::catalogue::fill;
use super::sheet::{Reader, Sheet, Tone};
use crate::notice::{Notice, StationNews, Trouble};
use crate::plain::{plain, plain_or};

pub(super) fn sheet(reader: Reader<'_>, notice: &Notice, news: &StationNews) -> Sheet {
    let texts = reader.texts;
    let (station, line) = names(reader, notice);
    let say = |text: &str| fill(text, &[("station", &station), ("line", &line)]);
    let subject = match &news.trouble {
        Trouble::Disconnected | Trouble::NoHeartbeat => say(&texts.subject.silent),
        Trouble::Unwell { .. } if is_blind(&news.trouble) => say(&texts.subject.unwell),
        Trouble::Unwell { .. } => say(&texts.subject.care),
    };
    let follows = notice.follows();
    let since = reader.at(news.since);
    let mut facts = vec![(texts.fact.since.clone(), since.clone())];
    if let Trouble::Unwell { state, reason } = &news.trouble {
        facts.push((texts.fact.state.clone(), plain(state, 40)));
        facts.push((texts.fact.reason.clone(), plain_or(reason, 200, &texts.word.unknown)));
    }
    let step = &texts.step;
    let (headline, glance, steps, tone) = if let Some(until) = news.until {
        facts.push((texts.fact.until.clone(), reader.at(until)));
        let span = reader.span(until.duration_since(news.since));
        let glance = fill(&texts.glance.back, &[("span", &span)]);
        (&texts.headline.back, glance, vec![say(&step.back), say(&step.back_items)], Tone::Good)
    } else {
        let glance = fill(&texts.glance.since, &[("since", &since)]);
        let (headline, steps) = match news.trouble {
            Trouble::Disconnected => (
                &texts.headline.disconnected,
                vec![say(&step.silent), say(&step.silent_network), say(&step.silent_items)],
            ),
            Trouble::NoHeartbeat => {
                (&texts.headline.no_heartbeat, vec![say(&step.silent), say(&step.silent_items)])
            }
            Trouble::Unwell { .. } if is_blind(&news.trouble) => {
                (&texts.headline.unwell, vec![say(&step.unwell), say(&step.unwell_items)])
            }
            Trouble::Unwell { .. } => (&texts.headline.care, vec![say(&step.care)]),
        };
        (headline, glance, steps, Tone::Major)
    };
    Sheet {
        subject: if follows { fill(&texts.subject.follows, &[("subject", &subject)]) } else { subject },
        tone,
        headline: headline.clone(),
        place: format!("{station}, {line}"),
        glance,
        steps,
        facts,
        origin: say(&texts.origin.station),
        ..Sheet::default()
    }
}

/// Whether a station that is unwell sees nothing; it names the part first, `camera: gone`.
pub(super) fn is_blind(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Unwell { reason, .. } if reason.starts_with("camera"))
}

/// Station and line, as far as known.
pub(super) fn names(reader: Reader<'_>, notice: &Notice) -> (String, String) {
    (plain(&notice.device, 64), plain_or(&notice.line, 40, &reader.texts.word.unknown_line))
}
