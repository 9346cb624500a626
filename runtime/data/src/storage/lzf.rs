//! Undoing LZF (Lehmann), with which h5py compresses: pieces that are either bytes as they are or a copy of earlier output.

/// Undoes LZF; what comes out must fill `out`.
///
/// # Errors
/// The stream is damaged.
pub(super) fn unpack(bytes: &[u8], out: &mut [u8]) -> Result<(), String> {
    let mut rest = bytes;
    let mut filled = 0;
    while let Some(control) = take(&mut rest, 1) {
        let control = usize::from(control[0]);
        let first = filled;
        if control < 32 {
            let plain = take(&mut rest, control + 1).ok_or_else(no_end)?;
            filled += plain.len();
            out.get_mut(first..filled).ok_or_else(too_long)?.copy_from_slice(plain);
        } else {
            let mut length = (control >> 5) + 2;
            if control >> 5 == 7 {
                length += usize::from(take(&mut rest, 1).ok_or_else(no_end)?[0]);
            }
            let low = usize::from(take(&mut rest, 1).ok_or_else(no_end)?[0]);
            let distance = ((control & 31) << 8 | low) + 1;
            let from = first.checked_sub(distance).ok_or("it copies what is not there")?;
            filled += length;
            // A copy may reach into what it makes itself.
            let both = out.get_mut(from..filled).ok_or_else(too_long)?;
            for at in distance..both.len() {
                both[at] = both[at - distance];
            }
        }
    }
    if filled == out.len() { Ok(()) } else { Err(format!("it has {filled} bytes of {}", out.len())) }
}

fn too_long() -> String {
    "it has more bytes than the chunk".into()
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, others) = rest.split_at_checked(count)?;
    *rest = others;
    Some(taken)
}

fn no_end() -> String {
    "its compressed stream has no end".into()
}

#[cfg(test)]
mod tests {
    fn unpack(bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let mut out = vec![1; size];
        super::unpack(bytes, &mut out).map(|()| out)
    }

    #[test]
    fn pieces() {
        assert_eq!(unpack(&[2, 7, 8, 9], 3).unwrap(), [7, 8, 9]);
        // Three bytes as they are, then four from three back, the last of which the copy made itself.
        assert_eq!(unpack(&[2, 7, 8, 9, 2 << 5, 2], 7).unwrap(), [7, 8, 9, 7, 8, 9, 7]);
        // One byte, then 7 + 2 + 200 copies of it.
        assert_eq!(unpack(&[0, 5, 7 << 5, 200, 0], 210).unwrap(), [5; 210]);
        // A distance of more than a byte.
        let mut stream: Vec<u8> = (0..10u8).flat_map(|k| [31].into_iter().chain((0..32).map(move |i: u8| i ^ (k * 16)))).collect();
        stream.extend([1 << 5 | 1, 63]);
        assert_eq!(unpack(&stream, 323).unwrap()[320..], [0, 1, 2]);
    }

    #[test]
    fn damaged_streams_are_errors() {
        for (stream, size) in
            [(&[2u8, 7, 8][..], 3), (&[7 << 5], 9), (&[1 << 5], 3), (&[1 << 5, 0], 3), (&[0, 5, 1 << 5, 0], 9), (&[0, 5], 0)]
        {
            assert!(unpack(stream, size).is_err(), "{stream:?}");
        }
        assert!(unpack(&[], 0).unwrap().is_empty());
    }
}
