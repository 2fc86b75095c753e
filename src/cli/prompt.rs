//! Questions to the user.

use std::io::{self, BufRead, Read as _, Write};

/// Returns whether the answer is `yes`. Any other line and the end of the input mean no.
pub(super) fn confirm(question: &str, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<bool> {
    write!(output, "{question} ")?;
    output.flush()?;
    let mut answer = String::new();
    let read = input.by_ref().take(1024).read_line(&mut answer)?;
    if read == 0 {
        writeln!(output)?;
    }
    Ok(answer.trim() == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (typed, expected) in [
            ("yes\n", true),
            (" yes \n", true),
            ("yes", true),
            ("y\n", false),
            ("YES\n", false),
            ("\n", false),
            ("", false),
        ] {
            let mut asked = Vec::new();
            assert_eq!(confirm("Sure?", &mut typed.as_bytes(), &mut asked).unwrap(), expected, "{typed:?}");
            assert!(asked.starts_with(b"Sure? "));
        }
    }
}
