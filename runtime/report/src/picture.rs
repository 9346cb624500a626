//! Fields as PNG images inside the page: values through a colour map whose lightness rises evenly (viridis), errors through one
//! that is light at zero and takes a hue for each sign.

/// A PNG of `[height, width]` values as a data URI; `low..=high` spans the colour map.
pub(crate) fn values(field: &[f32], width: usize, low: f32, high: f32) -> String {
    let span = if high > low { high - low } else { 1.0 };
    image(field, width, |v| viridis((v - low) / span))
}

/// The same for errors, symmetric about zero.
pub(crate) fn errors(field: &[f32], width: usize, largest: f32) -> String {
    let span = if largest > 0.0 { largest } else { 1.0 };
    image(field, width, |v| signed(v / span))
}

fn image(field: &[f32], width: usize, colour: impl Fn(f32) -> [u8; 3]) -> String {
    // Not a number shows as red, outside both maps.
    let pixels: Vec<u8> = field.iter().flat_map(|v| if v.is_finite() { colour(*v) } else { [255, 0, 0] }).collect();
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, (field.len() / width) as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("writing to memory");
    writer.write_image_data(&pixels).expect("as many pixels as the size says");
    writer.finish().expect("writing to memory");
    format!("data:image/png;base64,{}", base64(&bytes))
}

/// Nine samples of matplotlib's viridis, evenly spaced; between them linear.
const VIRIDIS: [[f32; 3]; 9] = [
    [68.0, 1.0, 84.0],
    [71.0, 44.0, 122.0],
    [59.0, 81.0, 139.0],
    [44.0, 113.0, 142.0],
    [33.0, 144.0, 141.0],
    [39.0, 173.0, 129.0],
    [92.0, 200.0, 99.0],
    [170.0, 220.0, 50.0],
    [253.0, 231.0, 37.0],
];

/// Blue below zero, red above.
const SIGNED: [[f32; 3]; 5] =
    [[33.0, 102.0, 172.0], [146.0, 197.0, 222.0], [247.0, 247.0, 247.0], [244.0, 165.0, 130.0], [178.0, 24.0, 43.0]];

fn viridis(at: f32) -> [u8; 3] {
    blend(&VIRIDIS, at)
}

fn signed(at: f32) -> [u8; 3] {
    blend(&SIGNED, 0.5 + 0.5 * at)
}

fn blend(map: &[[f32; 3]], at: f32) -> [u8; 3] {
    let place = at.clamp(0.0, 1.0) * (map.len() - 1) as f32;
    let lower = (place as usize).min(map.len() - 2);
    let part = place - lower as f32;
    std::array::from_fn(|c| (map[lower][c] + part * (map[lower + 1][c] - map[lower][c])).round() as u8)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |w, i| w << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i)) as usize & 63] as char;
            text.push(if i <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn maps_span_their_range() {
        assert_eq!((viridis(0.0), viridis(1.0), viridis(7.0)), ([68, 1, 84], [253, 231, 37], [253, 231, 37]));
        assert_eq!((signed(0.0), signed(-1.0)), ([247, 247, 247], [33, 102, 172]));
        assert!(values(&[0.0, 1.0, f32::NAN, 0.5], 2, 0.0, 1.0).starts_with("data:image/png;base64,iVBORw0KGgo"));
    }
}
