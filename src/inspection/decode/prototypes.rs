//! Boxes with masks that are sums of prototypes (YOLACT, arXiv:1904.02689), as in YOLOv8-seg, YOLO11-seg and
//! YOLO26-seg.

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    chosen::{self, finding},
    decoder::{Decode, Faults, Meaning, Pick, Scene, Task, pick},
    yolo::Candidates,
};
use crate::inspection::{Area, Finding, suppression::suppress_with};

/// A tensor [1, 4 + labels + prototypes, boxes] as of YOLOv8 with a weight for each prototype, and a tensor
/// [1, prototypes, rows, columns]. A finding's area is the part of its box that its mask reaches; one whose mask is
/// empty within its box is dropped.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Yolov8Seg {
    /// The output with boxes; without a name the graph's first.
    boxes: Option<String>,
    /// The output with prototypes; without a name the graph's second.
    prototypes: Option<String>,
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
}

/// The same for boxes that the graph has chosen: a tensor [1, boxes, 6 + prototypes].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct ChosenSeg {
    /// The output with boxes; without a name the graph's first.
    boxes: Option<String>,
    /// The output with prototypes; without a name the graph's second.
    prototypes: Option<String>,
    /// The surest so many are kept.
    max_findings: usize,
}

impl Decode for Yolov8Seg {
    fn task(&self) -> Task {
        Task::Segment
    }

    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.boxes.as_ref(), 0), pick(self.prototypes.as_ref(), 1)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.suppression(self.nms_iou, self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let prototypes = Prototypes::of(answers)?;
        let labels = scene.labels.len();
        let candidates = Candidates::of(answers, labels, prototypes.count)?;
        let found = candidates.above(scene).map(|(n, finding)| (finding, n)).collect();
        let kept = suppress_with(found, self.nms_iou, self.max_findings);
        let findings = kept
            .into_iter()
            .filter_map(|(finding, n)| {
                let weights: Vec<f32> =
                    (0..prototypes.count).map(|it| candidates.number(n, 4 + labels + it)).collect();
                prototypes.masked(finding, &weights, scene.input)
            })
            .collect();
        Ok(Meaning { findings, score: None })
    }
}

impl Decode for ChosenSeg {
    fn task(&self) -> Task {
        Task::Segment
    }

    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.boxes.as_ref(), 0), pick(self.prototypes.as_ref(), 1)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.max_findings(self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let prototypes = Prototypes::of(answers)?;
        let row = chosen::ROW + prototypes.count;
        let expected = format_args!("[1, boxes, {row}]");
        let (axes, values) = Answer::axes::<2>(answers, 0, expected)?;
        if axes[1] != row {
            return mismatch(answers, 0, expected);
        }
        let mut findings = Vec::new();
        for row in values.chunks_exact(row) {
            if let Some((numbers, weights)) = row.split_first_chunk::<{ chosen::ROW }>()
                && let Some(finding) = finding(numbers, scene)?
            {
                findings.extend(prototypes.masked(finding, weights, scene.input));
            }
        }
        findings.sort_by(|a, b| b.confidence.value().total_cmp(&a.confidence.value()));
        findings.truncate(self.max_findings);
        Ok(Meaning { findings, score: None })
    }
}

/// What masks are made of.
struct Prototypes<'a> {
    count: usize,
    rows: usize,
    columns: usize,
    values: &'a [f32],
}

impl<'a> Prototypes<'a> {
    fn of(answers: &[Answer<'a>]) -> Result<Self, DecodeError> {
        let ([count, rows, columns], values) =
            Answer::axes::<3>(answers, 1, "[1, prototypes, rows, columns]")?;
        Ok(Self { count, rows, columns, values })
    }

    /// The finding with its area cut to what its mask reaches.
    fn masked(&self, finding: Finding, weights: &[f32], input: [u32; 2]) -> Option<Finding> {
        let area = finding.area?;
        let scale = [input[0] as f32 / self.columns as f32, input[1] as f32 / self.rows as f32];
        let reach = self.reach(weights, &area, scale)?;
        let area = Area {
            x_min: area.x_min.max(reach.x_min),
            y_min: area.y_min.max(reach.y_min),
            x_max: area.x_max.min(reach.x_max),
            y_max: area.y_max.min(reach.y_max),
        };
        Some(Finding { area: Some(area), ..finding })
    }

    /// The rectangle, in pixels of the input, of those pixels of the mask that lie in the box.
    fn reach(&self, weights: &[f32], area: &Area, scale: [f32; 2]) -> Option<Area> {
        // A pixel lies in the box if its first corner does; a cast saturates where a box is beyond any picture.
        let pixels = |from: f32, to: f32, scale: f32, all: usize| {
            let first = |value: f32| ((value / scale).ceil().max(0.0) as usize).min(all);
            first(from)..first(to)
        };
        let mut found: Option<Area> = None;
        for row in pixels(area.y_min, area.y_max, scale[1], self.rows) {
            for column in pixels(area.x_min, area.x_max, scale[0], self.columns) {
                if self.is_inside(weights, row * self.columns + column) {
                    let (x, y) = (column as f32 * scale[0], row as f32 * scale[1]);
                    let so_far = found.unwrap_or(Area {
                        x_min: x,
                        y_min: y,
                        x_max: x + scale[0],
                        y_max: y + scale[1],
                    });
                    found = Some(Area {
                        x_min: so_far.x_min.min(x),
                        y_min: so_far.y_min.min(y),
                        x_max: so_far.x_max.max(x + scale[0]),
                        y_max: so_far.y_max.max(y + scale[1]),
                    });
                }
            }
        }
        found
    }

    /// A mask is the logistic function of the weighted sum, from one half on: the sum is above 0.
    fn is_inside(&self, weights: &[f32], pixel: usize) -> bool {
        let size = self.rows * self.columns;
        weights.iter().enumerate().map(|(n, weight)| weight * self.values[n * size + pixel]).sum::<f32>()
            > 0.0
    }
}
