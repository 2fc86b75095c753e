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

/// Asks for numbers from 1 to `count`, such as `1,3-5`, or `all`. Returns `None` for any other line.
pub(super) fn choose(
    question: &str,
    count: usize,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<Option<Vec<usize>>> {
    write!(output, "{question} ")?;
    output.flush()?;
    let mut answer = String::new();
    if input.by_ref().take(1024).read_line(&mut answer)? == 0 {
        writeln!(output)?;
    }
    Ok(chosen(answer.trim(), count))
}

fn chosen(answer: &str, count: usize) -> Option<Vec<usize>> {
    if answer == "all" {
        return Some((1..=count).collect());
    }
    let mut numbers = Vec::new();
    for word in answer.split([',', ' ']).filter(|word| !word.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if first == 0 || first > last || last > count {
            return None;
        }
        numbers.extend(first..=last);
    }
    numbers.sort_unstable();
    numbers.dedup();
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_numbers_ranges_or_all() {
        for (typed, expected) in [
            ("1\n", Some(vec![1])),
            ("3, 1\n", Some(vec![1, 3])),
            ("2-4 2\n", Some(vec![2, 3, 4])),
            ("all", Some(vec![1, 2, 3, 4])),
            ("\n", None),
            ("", None),
            ("0\n", None),
            ("5\n", None),
            ("3-2\n", None),
            ("1,x\n", None),
            ("-1\n", None),
        ] {
            let mut asked = Vec::new();
            assert_eq!(choose("Which?", 4, &mut typed.as_bytes(), &mut asked).unwrap(), expected, "{typed:?}");
        }
    }

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
