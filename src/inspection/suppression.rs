//! Of boxes that mean the same thing, the surest stays.

use std::sync::Arc;

use crate::inspection::Finding;

/// Keeps the surest finding of each label and place: what overlaps a surer one of its label by more than `limit`
/// (intersection over union) is dropped, and of the rest the surest `max` are kept, surest first.
pub(super) fn suppress(findings: Vec<Finding>, limit: f32, max: usize) -> Vec<Finding> {
    let alone = findings.into_iter().map(|finding| (finding, ())).collect();
    suppress_with(alone, limit, max).into_iter().map(|(finding, ())| finding).collect()
}

/// The same for findings that bring something along.
pub(super) fn suppress_with<T>(mut findings: Vec<(Finding, T)>, limit: f32, max: usize) -> Vec<(Finding, T)> {
    findings.sort_by(|(a, _), (b, _)| b.confidence.value().total_cmp(&a.confidence.value()));
    let mut kept: Vec<(Finding, T)> = Vec::new();
    for (finding, with) in findings {
        if kept.len() >= max {
            break;
        }
        let is_known = kept.iter().any(|(surer, _)| {
            Arc::ptr_eq(&surer.label, &finding.label)
                && matches!((surer.area, finding.area), (Some(a), Some(b)) if a.overlap(&b) > limit)
        });
        if !is_known {
            kept.push((finding, with));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspection::{Area, Confidence};

    fn at(label: &Arc<str>, confidence: f32, x: f32) -> Finding {
        Finding {
            label: Arc::clone(label),
            confidence: Confidence::new(confidence).unwrap(),
            area: Some(Area { x_min: x, y_min: 0.0, x_max: x + 10.0, y_max: 10.0 }),
        }
    }

    #[test]
    fn the_surest_of_overlapping_boxes_stays() {
        let (open, short): (Arc<str>, Arc<str>) = ("open".into(), "short".into());
        let all = vec![at(&open, 0.5, 1.0), at(&open, 0.9, 0.0), at(&short, 0.4, 0.0), at(&open, 0.3, 8.0)];
        let kept: Vec<_> = suppress(all, 0.45, 10).iter().map(|it| it.confidence.value()).collect();
        assert_eq!(kept, [0.9, 0.4, 0.3]);
    }

    #[test]
    fn no_more_than_the_limit_is_kept() {
        let open: Arc<str> = "open".into();
        let all = (0..100).map(|n| at(&open, 0.5, 20.0 * n as f32)).collect();
        assert_eq!(suppress(all, 0.45, 7).len(), 7);
    }
}
