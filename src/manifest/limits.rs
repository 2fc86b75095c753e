//! Every bound of a manifest. What exceeds one is an error that names it.

/// A key is warned of when its last day is at most this many days away.
pub const EXPIRES_SOON_DAYS: i64 = 30;

// Files and folders.

/// The largest manifest file.
pub(crate) const MAX_FILE_BYTES: u64 = 32 << 20;

/// All manifest files together.
pub(crate) const MAX_TOTAL_BYTES: u64 = 64 << 20;

/// Entries of folders that are looked at.
pub(crate) const MAX_FILES: usize = 10_000;

/// How deep folders are searched.
pub(crate) const MAX_FOLDER_DEPTH: usize = 32;

/// The largest key file.
pub(crate) const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

// The text of one file.

/// The longest line: several times the longest public key.
pub(crate) const MAX_LINE_BYTES: usize = 64 * 1024;

/// The longest value or flow collection, comments aside. The scanner holds all of it in memory.
pub(crate) const MAX_AHEAD_CHARS: usize = 512 * 1024;

/// How deep values nest. The format needs four levels.
pub(crate) const MAX_DEPTH: usize = 16;

/// Values in one file, names of fields included: [`MAX_KEYS`] keys with six fields each, and some more.
pub(crate) const MAX_VALUES: usize = 2_700_000;

/// Fields of one mapping. The format has ten; they are compared pairwise.
pub(crate) const MAX_FIELDS: usize = 100;

// What the files say.

/// Keys of all files together, and so the items of one list.
pub(crate) const MAX_KEYS: usize = 200_000;

/// The longest `owner`.
pub(crate) const MAX_OWNER_CHARS: usize = 256;

/// The longest `reason`.
pub(crate) const MAX_REASON_CHARS: usize = 256;

/// The largest `maxLifetimeDays`: a hundred years.
pub(crate) const MAX_LIFETIME_DAYS: u32 = 36_500;

/// The longest `namePattern`.
pub(crate) const MAX_PATTERN_CHARS: usize = 1000;

/// Patterns in `unmanagedExcept`.
pub(crate) const MAX_GLOBS: usize = 100;

/// Memory of the automatons of a `namePattern`. With it, building them takes less than a tenth of a second.
pub(crate) const MAX_PATTERN_BYTES: usize = 1 << 18;

/// How deep groups nest in a `namePattern`.
pub(crate) const MAX_PATTERN_DEPTH: u32 = 32;

// Messages.

/// Problems of each severity that are kept and shown; the others are counted.
pub(crate) const MAX_PROBLEMS: usize = 10_000;

/// How much of a value a message repeats.
pub(crate) const MAX_SHOWN_CHARS: usize = 40;
