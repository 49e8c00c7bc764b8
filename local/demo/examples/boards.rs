//! Writes boards of the simulated line and the truth about them to a folder, in the layout of DeepPCB.
//!
//! `cargo run -p andon-demo --example boards -- DIR [COUNT] [SEED]` makes `DIR/00000_test.png`, the good board
//! `DIR/00000_temp.png` and `DIR/00000.txt`, whose lines are `x_min y_min x_max y_max kind` with kinds from 1.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use andon_demo::line::{BOARD_SIDE, DefectKind, LineSettings, SimulatedLine};
use image::GrayImage;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a folder to write to")?);
    let count = arguments.next().map_or(Ok(50), |count| count.parse())?;
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let line =
        SimulatedLine::new(LineSettings { seed, ng_rate: 0.5, products: 24, ..LineSettings::default() })?;
    fs::create_dir_all(&folder)?;
    for board in 0..count {
        let truth = line.truth(board);
        let save = |kind: &str, grey: Vec<u8>| -> Result<(), Box<dyn Error>> {
            let picture = GrayImage::from_raw(BOARD_SIDE, BOARD_SIDE, grey).ok_or("a board is not square")?;
            Ok(picture.save(folder.join(format!("{board:05}_{kind}.png")))?)
        };
        save("test", line.board_picture(board))?;
        save("temp", line.good_picture(&truth))?;
        let labels: String = truth
            .defects
            .iter()
            .map(|defect| {
                let [x0, y0, x1, y1] = defect.bounds;
                let class =
                    DefectKind::ALL.iter().position(|kind| *kind == defect.kind).map_or(0, |at| at + 1);
                format!("{x0:.0} {y0:.0} {x1:.0} {y1:.0} {class}\n")
            })
            .collect();
        fs::write(folder.join(format!("{board:05}.txt")), labels)?;
    }
    Ok(())
}
