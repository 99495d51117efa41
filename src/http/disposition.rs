//! `Content-Disposition` (RFC 6266): what a browser does with a file, and what it calls it.

use std::fmt::Write;

/// Of a name that may hold anything but control characters. The plain form is for what does not know the other (RFC 8187).
pub(super) fn of(inline: bool, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if (c.is_ascii_graphic() || c == ' ') && !"\"\\%;".contains(c) { c } else { '_' })
        .collect();
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    let kind = if inline { "inline" } else { "attachment" };
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_in_both_forms_and_never_out_of_its_quotes() {
        for (name, expected) in [
            ("plan.pdf", r#"attachment; filename="plan.pdf"; filename*=UTF-8''plan.pdf"#),
            ("a b.txt", r#"attachment; filename="a b.txt"; filename*=UTF-8''a%20b.txt"#),
            ("Ü.png", r#"attachment; filename="_.png"; filename*=UTF-8''%C3%9C.png"#),
            ("a\"; x=\"b", r#"attachment; filename="a__ x=_b"; filename*=UTF-8''a%22%3B%20x%3D%22b"#),
            ("a\r\nb", r#"attachment; filename="a__b"; filename*=UTF-8''a%0D%0Ab"#),
        ] {
            assert_eq!(of(false, name), expected);
        }
        assert!(of(true, "a").starts_with("inline;"));
    }
}
