//! Draws a key for comparison by eye: OpenSSH's "drunken bishop", as in `ssh-keygen -lv`.

use super::kind::KeyKind;

/// The marks of squares by number of visits, then those of the start and the end.
const MARKS: &[u8; 17] = b" .o+=*BOX@%&#/^SE";
const WIDTH: usize = 17;
const HEIGHT: usize = 9;

/// Draws 11 lines of 19 columns: a walk over a board, each step two bits of the SHA-256 digest.
pub(super) fn draw(kind: Option<KeyKind>, digest: &[u8]) -> [String; HEIGHT + 2] {
    let mut board = [[0_usize; WIDTH]; HEIGHT];
    let (most, start, end) = (MARKS.len() - 3, MARKS.len() - 2, MARKS.len() - 1);
    let (mut x, mut y) = (WIDTH / 2, HEIGHT / 2);
    for step in digest.iter().flat_map(|byte| [byte & 3, byte >> 2 & 3, byte >> 4 & 3, byte >> 6]) {
        x = if step & 1 == 1 { (x + 1).min(WIDTH - 1) } else { x.saturating_sub(1) };
        y = if step & 2 == 2 { (y + 1).min(HEIGHT - 1) } else { y.saturating_sub(1) };
        visit(&mut board, x, y, |visits| (visits + 1).min(most));
    }
    visit(&mut board, WIDTH / 2, HEIGHT / 2, |_| start);
    visit(&mut board, x, y, |_| end);

    let title = match kind {
        Some(kind) => {
            // Without the length if the title would leave no room for the border.
            let whole = format!("[{kind}]");
            if whole.len() < WIDTH { whole } else { format!("[{}]", kind.name()) }
        }
        None => "[?]".to_owned(),
    };
    let mut lines = std::iter::once(border(&title))
        .chain(board.iter().map(|row| format!("|{}|", row.iter().map(|&visits| mark(visits)).collect::<String>())))
        .chain(std::iter::once(border("[SHA256]")));
    std::array::from_fn(|_| lines.next().unwrap_or_default())
}

fn visit(board: &mut [[usize; WIDTH]; HEIGHT], x: usize, y: usize, change: impl FnOnce(usize) -> usize) {
    if let Some(square) = board.get_mut(y).and_then(|row| row.get_mut(x)) {
        *square = change(*square);
    }
}

fn mark(visits: usize) -> char {
    MARKS.get(visits).copied().map_or('?', char::from)
}

fn border(title: &str) -> String {
    let before = WIDTH.saturating_sub(title.len()) / 2;
    let after = WIDTH.saturating_sub(title.len() + before);
    format!("+{}{title}{}+", "-".repeat(before), "-".repeat(after))
}
