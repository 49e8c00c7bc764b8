//! Which decoder reads an answer, told from its shape and its values.

use crate::inspection::decode::cells;

/// What the graph answered to a sample.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// A decoder that reads it, with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) decoder: &'static str,
    /// Keys and values as in TOML.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// Whether it has labels that are no finding.
    pub(super) has_ok_labels: bool,
}

impl Candidate {
    /// Whether it reads this output.
    pub(super) fn reads(&self, output: &str) -> bool {
        let name = quoted(output);
        self.parameters.iter().any(|(key, value)| {
            let names = ["name", "map", "score", "boxes", "prototypes", "scores", "distances"];
            names.contains(key)
                && (*value == name || value.trim_matches(['[', ']']).split(", ").any(|it| it == name))
        })
    }

    /// The task that its decoder belongs to, as in a manifest.
    pub(super) fn task(&self) -> &'static str {
        match self.decoder {
            "probabilities" | "logits" => "classify",
            "mask" | "yolov8_seg" | "chosen_seg" => "segment",
            "anomaly_map" => "anomaly",
            _ => "detect",
        }
    }
}

/// The strides that detectors have nearly always.
const THREE: [u32; 3] = [8, 16, 32];
const FOUR: [u32; 4] = [8, 16, 32, 64];

/// The file of a pack that holds an SSD's priors.
pub(super) const PRIORS: &str = "priors.npy";

/// Every decoder that can read these outputs of a model with so many labels, for an input of this width and height.
/// Boxes that are offsets from priors are read where there are priors.
pub(super) fn candidates(
    outputs: &[Tried],
    labels: usize,
    input: [u32; 2],
    has_priors: bool,
) -> Vec<Candidate> {
    let found = match outputs {
        _ if outputs.iter().any(|it| it.name.contains("anomaly_map")) => anomalies(outputs),
        [classes] if classes.values.len() == labels => vec![classifier(classes)],
        [one] => single(one, labels, input),
        [boxes, prototypes] if prototypes.shape.len() == 4 => with_prototypes(boxes, prototypes, labels),
        [a, b] => scores_and_boxes(a, b, labels, has_priors).into_iter().collect(),
        _ => Vec::new(),
    };
    if !found.is_empty() {
        return found;
    }
    // Levels, or outputs that only served the training.
    match picodet(outputs, labels, input) {
        Some(candidate) => vec![candidate],
        None if outputs.len() > 1 && outputs.iter().all(|it| it.shape == outputs[0].shape) => {
            single(&outputs[0], labels, input)
        }
        None => Vec::new(),
    }
}

/// Whether a tensor has the boxes of all cells of a YOLO head, decoded but not chosen from.
pub(super) fn is_before_choice(shape: &[usize], labels: usize, input: [u32; 2]) -> bool {
    let cells = cells(&THREE, input);
    match *shape {
        [1, rows, columns] => {
            [rows, columns] == [labels + 4, cells]
                || [rows, columns] == [cells, labels + 4]
                || [rows, columns] == [3 * cells, labels + 5]
        }
        _ => false,
    }
}

fn single(output: &Tried, labels: usize, input: [u32; 2]) -> Vec<Candidate> {
    match *output.shape {
        [1, planes, rows, columns] => planes_of(output, [planes, rows, columns], labels, input),
        [1, rows, columns] => rows_of(output, rows, columns, labels, input),
        _ => Vec::new(),
    }
}

fn rows_of(output: &Tried, rows: usize, columns: usize, labels: usize, input: [u32; 2]) -> Vec<Candidate> {
    let mut found = Vec::new();
    if rows == labels + 4 || columns == labels + 4 {
        found.push(suppressed("yolov8", output));
    }
    if columns == labels + 5 {
        // Boxes within their cells are small numbers, boxes in pixels are not.
        let centres = output.values.chunks_exact(columns).map(|row| row[0].abs().max(row[1].abs()));
        let is_decoded = centres.fold(0.0, f32::max) > 32.0;
        let is_raw = rows == cells(&THREE, input) && !is_decoded;
        found.push(suppressed(if is_raw { "yolox" } else { "yolov5" }, output));
    }
    if let Some(bins) = columns.checked_sub(labels).filter(|it| it % 4 == 0 && (5..=33).contains(&(it / 4))) {
        let four = rows == cells(&FOUR, input);
        if four || rows == cells(&THREE, input) {
            let mut candidate = suppressed("nanodet", output);
            candidate.parameters.push(("bins", (bins / 4).to_string()));
            if !four {
                candidate.parameters.push(("strides", format!("{THREE:?}")));
                candidate.parameters.push(("centre", "0.5".to_owned()));
            }
            found.push(candidate);
        }
    }
    if columns == 6 {
        let parameters = vec![("name", quoted(&output.name)), ("max_findings", "300".to_owned())];
        found.push(Candidate { decoder: "chosen", parameters, has_ok_labels: false });
    }
    found
}

fn planes_of(output: &Tried, shape: [usize; 3], labels: usize, input: [u32; 2]) -> Vec<Candidate> {
    let [planes, _, columns] = shape;
    let stride = input[0] as usize / columns.max(1);
    let mut found = Vec::new();
    if planes == labels + 5 {
        found.push(suppressed("fastestdet", output));
    }
    if planes == labels + 4 {
        let mut candidate = suppressed("grid_ltrb", output);
        candidate.parameters.push(("stride", stride.to_string()));
        found.push(candidate);
    }
    if planes == labels || columns == labels {
        found.push(mask(output, planes != labels));
        if labels == 1 {
            found.push(anomaly_map(output, None));
        }
    }
    found
}

/// A label for each pixel; its values tell whether softmax or the logistic function is in the graph already.
fn mask(output: &Tried, labels_last: bool) -> Candidate {
    let labels = if labels_last { output.shape[3] } else { output.shape[1] };
    let pixels = output.values.len() / labels.max(1);
    let sum = |pixel: usize| -> f32 {
        let place = |label: usize| if labels_last { pixel * labels + label } else { label * pixels + pixel };
        (0..labels).map(|label| output.values[place(label)]).sum()
    };
    let values = match (are_shares(&output.values), labels) {
        (true, 2..) if (0..pixels).all(|pixel| is_one(sum(pixel))) => "probabilities",
        (true, _) => "independent",
        (false, 2..) => "logits",
        (false, _) => "independent_logits",
    };
    Candidate {
        decoder: "mask",
        parameters: vec![
            ("name", quoted(&output.name)),
            ("values", quoted(values)),
            ("max_findings", "100".to_owned()),
        ],
        has_ok_labels: true,
    }
}

fn classifier(output: &Tried) -> Candidate {
    let is_done = are_shares(&output.values) && is_one(output.values.iter().sum());
    Candidate {
        decoder: if is_done { "probabilities" } else { "logits" },
        parameters: vec![("name", quoted(&output.name))],
        has_ok_labels: true,
    }
}

fn anomalies(outputs: &[Tried]) -> Vec<Candidate> {
    let map = outputs.iter().find(|it| it.name.contains("anomaly_map"));
    let score = outputs.iter().find(|it| it.name.contains("score") && it.values.len() == 1);
    map.map(|map| anomaly_map(map, score)).into_iter().collect()
}

fn anomaly_map(map: &Tried, score: Option<&Tried>) -> Candidate {
    let mut parameters = vec![("map", quoted(&map.name))];
    parameters.extend(score.map(|score| ("score", quoted(&score.name))));
    parameters.push(("max_findings", "100".to_owned()));
    Candidate { decoder: "anomaly_map", parameters, has_ok_labels: false }
}

fn with_prototypes(boxes: &Tried, prototypes: &Tried, labels: usize) -> Vec<Candidate> {
    let count = prototypes.shape[1];
    let names = vec![("boxes", quoted(&boxes.name)), ("prototypes", quoted(&prototypes.name))];
    let candidate = |decoder, max: &str, nms: bool| {
        let mut parameters = names.clone();
        parameters.extend(nms.then(|| ("nms_iou", "0.45".to_owned())));
        parameters.push(("max_findings", max.to_owned()));
        Candidate { decoder, parameters, has_ok_labels: false }
    };
    match *boxes.shape {
        [1, _, columns] if columns == 6 + count => vec![candidate("chosen_seg", "300", false)],
        [1, rows, columns] if rows == 4 + labels + count || columns == 4 + labels + count => {
            vec![candidate("yolov8_seg", "100", true)]
        }
        _ => Vec::new(),
    }
}

fn scores_and_boxes(a: &Tried, b: &Tried, labels: usize, has_priors: bool) -> Option<Candidate> {
    let (scores, boxes) = match (a.shape.last(), b.shape.last()) {
        (_, Some(4)) => (a, b),
        (Some(4), _) => (b, a),
        _ => return None,
    };
    let [1, count, 4] = *boxes.shape else { return None };
    let columns = match *scores.shape {
        [1, rows, columns] if rows == count => columns,
        [1, rows, columns] if columns == count => rows,
        _ => return None,
    };
    let background = columns == labels + 1;
    if !background && columns != labels {
        return None;
    }
    let activation = match (are_shares(&scores.values), background) {
        (true, _) => "none",
        (false, true) => "softmax",
        (false, false) => "sigmoid",
    };
    let greatest = boxes.values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut parameters = vec![
        ("scores", quoted(&scores.name)),
        ("boxes", quoted(&boxes.name)),
        ("background", background.to_string()),
        ("activation", quoted(activation)),
    ];
    let suppression = [("nms_iou", "0.45".to_owned()), ("max_findings", "100".to_owned())];
    if has_priors {
        parameters.push(("priors", quoted(PRIORS)));
        parameters.extend(suppression);
        return Some(Candidate { decoder: "ssd", parameters, has_ok_labels: false });
    }
    // Few boxes begin left of the picture or above it, but half of the offsets from priors are below 0.
    let negative = boxes.values.iter().filter(|it| **it < 0.0).count();
    if 4 * negative > boxes.values.len() {
        return None;
    }
    let are_corners = boxes.values.chunks_exact(4).all(|it| it[2] >= it[0] && it[3] >= it[1]);
    parameters.push(("form", quoted(if are_corners { "corners" } else { "centres" })));
    parameters.push(("unit", quoted(if greatest > 2.0 { "pixels" } else { "input" })));
    parameters.extend(suppression);
    Some(Candidate { decoder: "ssd", parameters, has_ok_labels: false })
}

fn picodet(outputs: &[Tried], labels: usize, input: [u32; 2]) -> Option<Candidate> {
    let levels = outputs.len() / 2;
    if !outputs.len().is_multiple_of(2) || !(2..=FOUR.len()).contains(&levels) {
        return None;
    }
    let (scores, distances) = outputs.split_at(levels);
    let bins = distances[0].shape.last()? / 4;
    let fits = |output: &Tried, level: usize, columns: usize| {
        output.shape == [1, cells(&FOUR[level..=level], input), columns]
    };
    let all_fit = (0..levels).all(|it| fits(&scores[it], it, labels) && fits(&distances[it], it, 4 * bins));
    let names = |of: &[Tried]| {
        let names: Vec<String> = of.iter().map(|it| quoted(&it.name)).collect();
        format!("[{}]", names.join(", "))
    };
    all_fit.then(|| Candidate {
        decoder: "picodet",
        parameters: vec![
            ("scores", names(scores)),
            ("distances", names(distances)),
            ("strides", format!("{:?}", &FOUR[..levels])),
            ("bins", bins.to_string()),
            ("nms_iou", "0.6".to_owned()),
            ("max_findings", "100".to_owned()),
        ],
        has_ok_labels: false,
    })
}

fn suppressed(decoder: &'static str, output: &Tried) -> Candidate {
    let parameters = vec![
        ("name", quoted(&output.name)),
        ("nms_iou", "0.45".to_owned()),
        ("max_findings", "100".to_owned()),
    ];
    Candidate { decoder, parameters, has_ok_labels: false }
}

/// A TOML string; JSON's escapes are TOML's too.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn are_shares(values: &[f32]) -> bool {
    values.iter().all(|value| (0.0..=1.0).contains(value))
}

fn is_one(sum: f32) -> bool {
    (sum - 1.0).abs() < 1e-3
}
