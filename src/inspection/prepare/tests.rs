use super::{sheet::FILL, *};
use crate::inspection::manifest::{InputColour, Layout};

fn input(fit: Fit, colour: InputColour, layout: Layout) -> Input {
    let channels = colour.channels();
    Input {
        name: None,
        size: [32, 16],
        colour,
        layout,
        fit,
        scale: 1.0,
        mean: vec![0.0; channels],
        std: vec![1.0; channels],
    }
}

fn picture(width: u32, height: u32, channels: u8) -> Pixels {
    let size = width as usize * height as usize * usize::from(channels);
    Pixels { width, height, channels, samples: (0..size).map(|n| (n * 7 % 251) as u8).collect() }
}

fn all(pixels: &Pixels) -> Window {
    Window::whole([pixels.width, pixels.height])
}

#[test]
fn a_region_of_the_models_size_arrives_unchanged() {
    let pixels = picture(100, 50, 1);
    let mut tensor = vec![f32::NAN; 32 * 16];
    let region = Region { x: 10, y: 5, width: 32, height: 16 };
    let mut preparation = Preparation::new(input(Fit::Letterbox, InputColour::Grey, Layout::Nchw));
    preparation.write(&pixels, &all(&pixels), region, &mut tensor).unwrap();
    for y in 0..16 {
        for x in 0..32 {
            let sample = pixels.samples[(y + 5) * 100 + x + 10];
            assert_eq!(tensor[y * 32 + x], f32::from(sample));
        }
    }
}

#[test]
fn a_region_of_one_column_fills_the_whole_width() {
    let pixels = picture(100, 50, 1);
    let mut tensor = vec![f32::NAN; 32 * 16];
    let region = Region { x: 10, y: 5, width: 1, height: 16 };
    let mut preparation = Preparation::new(input(Fit::Stretch, InputColour::Grey, Layout::Nchw));
    preparation.write(&pixels, &all(&pixels), region, &mut tensor).unwrap();
    for (y, row) in tensor.chunks(32).enumerate() {
        assert_eq!(row, [f32::from(pixels.samples[(y + 5) * 100 + 10]); 32]);
    }
}

#[test]
fn colours_and_layouts_arrive_where_the_model_wants_them() {
    let pixels = picture(32, 16, 3);
    let whole = Region { x: 0, y: 0, width: 32, height: 16 };
    for (colour, layout, at, sample) in [
        (InputColour::Rgb, Layout::Nchw, 512 + 5, 5 * 3 + 1),
        (InputColour::Bgr, Layout::Nchw, 5, 5 * 3 + 2),
        (InputColour::Rgb, Layout::Nhwc, 5 * 3 + 2, 5 * 3 + 2),
        (InputColour::Bgr, Layout::Nhwc, 5 * 3, 5 * 3 + 2),
    ] {
        let mut tensor = vec![f32::NAN; 32 * 16 * 3];
        Preparation::new(input(Fit::Stretch, colour, layout))
            .write(&pixels, &all(&pixels), whole, &mut tensor)
            .unwrap();
        assert_eq!(tensor[at], f32::from(pixels.samples[sample]), "{colour:?} {layout:?}");
        assert!(tensor.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn boxes_find_their_way_back_through_every_fit() {
    let region = Region { x: 20, y: 10, width: 64, height: 64 };
    for (fit, model, expected) in [
        (Fit::Stretch, [0.0, 0.0, 16.0, 8.0], [20.0, 10.0, 52.0, 42.0]),
        (Fit::Letterbox, [8.0, 0.0, 16.0, 8.0], [20.0, 10.0, 52.0, 42.0]),
        (Fit::Crop, [0.0, 0.0, 16.0, 8.0], [20.0, 26.0, 52.0, 42.0]),
    ] {
        let [x_min, y_min, x_max, y_max] = model;
        let area = Cut::new(fit, region, 32, 16).placement(region).area(Area { x_min, y_min, x_max, y_max });
        let found = [area.x_min, area.y_min, area.x_max, area.y_max];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{fit:?} {found:?}");
    }
}

#[test]
fn a_reduced_part_of_a_picture_is_prepared_as_the_whole_would_be() {
    // A slope, which no scale changes: the sample at (x, y) is 2x + y.
    let slope = |from: [u32; 2], size: [u32; 2], step: u32| {
        let middle = (step - 1) as f32 / 2.0;
        let at = |n: u32, from: u32| (from + n * step) as f32 + middle;
        let sample = |x, y| (2.0 * at(x, from[0]) + at(y, from[1])).round() as u8;
        let samples = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| sample(x, y))).collect();
        Pixels { width: size[0], height: size[1], channels: 1, samples }
    };
    let region = Region { x: 6, y: 10, width: 64, height: 32 };
    let (whole, half) = (slope([0, 0], [80, 60], 1), slope([4, 8], [36, 20], 2));
    let window =
        Window { picture: [80, 60], region: Region { x: 4, y: 8, width: 72, height: 40 }, shrink: 2 };
    let mut preparation = Preparation::new(input(Fit::Stretch, InputColour::Grey, Layout::Nchw));
    let mut tensors = [vec![f32::NAN; 32 * 16], vec![f32::NAN; 32 * 16]];
    let placement = preparation.write(&whole, &all(&whole), region, &mut tensors[0]).unwrap();
    assert_eq!(preparation.write(&half, &window, region, &mut tensors[1]).unwrap(), placement);
    // At the region's edge there is less to average at full scale.
    for y in 1..15 {
        for x in 1..31 {
            let [whole, half] = [0, 1].map(|n: usize| tensors[n][y * 32 + x]);
            assert!((whole - half).abs() <= 1.0, "{x} {y}: {whole} {half}");
        }
    }
}

#[test]
fn preparing_takes_no_memory_once_it_is_warm() {
    let pixels = picture(100, 50, 3);
    let mut tensor = vec![0.0; 32 * 16 * 3];
    let mut preparation = Preparation::new(input(Fit::Letterbox, InputColour::Bgr, Layout::Nchw));
    let mut write = |x, width| {
        let region = Region { x, y: 5, width, height: 40 };
        preparation.write(&pixels, &all(&pixels), region, &mut tensor).unwrap();
    };
    write(0, 90);
    let counted = allocation_counter::measure(|| (3..30).for_each(|x| write(x, 60)));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_letterbox_is_filled_with_grey() {
    let pixels = picture(16, 16, 1);
    let mut tensor = vec![f32::NAN; 32 * 16];
    let whole = Region { x: 0, y: 0, width: 16, height: 16 };
    let mut preparation = Preparation::new(input(Fit::Letterbox, InputColour::Grey, Layout::Nchw));
    preparation.write(&pixels, &all(&pixels), whole, &mut tensor).unwrap();
    assert_eq!(tensor[0], FILL);
    assert_eq!(tensor[8], f32::from(pixels.samples[0]));
    assert_eq!(tensor[31], FILL);
}

#[test]
fn a_mirrored_tensor_is_that_of_the_mirrored_picture() {
    for (colour, layout) in [
        (InputColour::Grey, Layout::Nchw),
        (InputColour::Rgb, Layout::Nchw),
        (InputColour::Bgr, Layout::Nhwc),
    ] {
        let pixels = picture(32, 16, 3);
        for (across, down) in [(true, false), (false, true), (true, true)] {
            let mut mirrored = pixels.clone();
            for (n, pixel) in mirrored.samples.chunks_exact_mut(3).enumerate() {
                let (x, y) = (n % 32, n / 32);
                let from = if down { 15 - y } else { y } * 32 + if across { 31 - x } else { x };
                pixel.copy_from_slice(&pixels.samples[from * 3..][..3]);
            }
            let mut preparation = Preparation::new(input(Fit::Stretch, colour, layout));
            let mut write = |pixels: &Pixels| {
                let mut tensor = vec![f32::NAN; 32 * 16 * colour.channels()];
                preparation.write(pixels, &all(pixels), Region::whole([32, 16]), &mut tensor).unwrap();
                tensor
            };
            let (mut tensor, expected) = (write(&pixels), write(&mirrored));
            preparation.mirror(&mut tensor, Mirror { across, down });
            assert_eq!(tensor, expected, "{colour:?} {layout:?} across {across} down {down}");
        }
    }
}
