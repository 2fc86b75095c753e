use std::cell::{Cell, RefCell};

use super::super::clock::VirtualClock;
use super::super::failure::{Effect, FailureKind};
use super::*;
use crate::public_key::KeyContent;

/// An account that pages as it is told to.
struct Book<F> {
    rows: RefCell<Vec<Row>>,
    /// The most rows on a page.
    cap: usize,
    states_total: bool,
    states_limit: bool,
    requests: Cell<usize>,
    /// Looks at each page before it goes out, and may change the account.
    meddle: F,
}

impl<F: Fn(usize, &mut Vec<Row>, &mut Page)> ReadAccount for Book<F> {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        self.requests.set(self.requests.get() + 1);
        let mut rows = self.rows.borrow_mut();
        let size = self.cap.min(usize::try_from(limit).unwrap());
        let came = rows.iter().skip(usize::try_from(offset).unwrap()).take(size).cloned().collect();
        let mut page = Page {
            total: self.states_total.then_some(rows.len() as u64),
            limit: self.states_limit.then_some(size as u64),
            rows: came,
            ..Page::default()
        };
        (self.meddle)(self.requests.get(), &mut rows, &mut page);
        Ok(page)
    }
}

fn row(number: usize) -> Row {
    Row {
        id: KeyId::new(format!("k{number:05}")).unwrap(),
        user_id: UserId::new("u1").unwrap(),
        name: format!("key {number}"),
        public_key: None,
        content: KeyContent::Unreadable,
        is_primary: false,
        is_user_key: true,
        created_at: None,
    }
}

fn book<F: Fn(usize, &mut Vec<Row>, &mut Page)>(size: usize, meddle: F) -> Book<F> {
    // Not in the order of the ids: nobody promises one.
    let rows = RefCell::new((0..size).rev().map(row).collect());
    Book { rows, cap: 100, states_total: true, states_limit: true, requests: Cell::new(0), meddle }
}

fn honest(_: usize, _: &mut Vec<Row>, _: &mut Page) {}

async fn list<R: ReadAccount>(reader: &R) -> Result<Listing, ListError> {
    list_all(reader, &Throttle::new(VirtualClock::default(), 1), RetryPolicy::default()).await
}

fn ids(listing: &Listing) -> Vec<&str> {
    listing.rows().iter().map(|row| row.id.as_str()).collect()
}

#[tokio::test]
async fn every_row_is_listed_once_however_the_account_pages() {
    for size in [0, 1, 99, 100, 101, 250, 1_000] {
        for cap in [100, 50, 7] {
            for (states_total, states_limit) in [(true, true), (true, false), (false, true), (false, false)] {
                let book = Book { cap, states_total, states_limit, ..book(size, honest) };
                let listing = list(&book).await.unwrap();
                let case = format!("{size} rows by {cap}, total {states_total}, limit {states_limit}");
                let expect: Vec<_> = (0..size).map(row).collect();
                assert_eq!(listing.rows(), expect, "{case}");
                // Pages overlap by one row, and a full page is never known to be the last.
                let pages = if size < cap { 1 } else { (size - cap) / (cap - 1) + 2 };
                let known = if states_limit { 0 } else { usize::from(size > 0) };
                let requests = book.requests.get();
                assert!((pages..=pages + known).contains(&requests), "{requests} requests for {case}");
            }
        }
    }
}

/// Passes requests on, and remembers how many were under way at once.
struct Crowd<R> {
    reader: R,
    now: Cell<usize>,
    most: Cell<usize>,
}

impl<R: ReadAccount> ReadAccount for Crowd<R> {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        self.now.set(self.now.get() + 1);
        self.most.set(self.most.get().max(self.now.get()));
        tokio::task::yield_now().await;
        let page = self.reader.page(offset, limit).await;
        self.now.set(self.now.get() - 1);
        page
    }
}

#[tokio::test]
async fn ten_thousand_rows_are_read_side_by_side() {
    let crowd = Crowd { reader: book(10_000, honest), now: Cell::new(0), most: Cell::new(0) };
    assert_eq!(list(&crowd).await.unwrap().rows().len(), 10_000);
    assert_eq!((crowd.reader.requests.get(), crowd.most.get()), (102, PAGES_AT_ONCE));
}

#[tokio::test]
async fn system_keys_are_left_out() {
    let book = book(5, |_, _, page| {
        for row in &mut page.rows {
            row.is_user_key = row.id.as_str() != "k00003";
            if !row.is_user_key {
                row.user_id = UserId::new("platform").unwrap();
            }
        }
    });
    let listing = list(&book).await.unwrap();
    assert_eq!(ids(&listing), ["k00000", "k00001", "k00002", "k00004"]);
    assert_eq!(listing.user_id(), Some(&UserId::new("u1").unwrap()));
}

#[tokio::test]
async fn an_account_without_keys_has_no_known_user() {
    let listing = list(&book(0, honest)).await.unwrap();
    assert_eq!(listing, Listing::default());
}

#[tokio::test]
async fn keys_of_two_users_are_refused() {
    let book = book(3, |_, _, page| {
        page.rows[0].user_id = UserId::new("u2").unwrap();
    });
    assert!(matches!(list(&book).await, Err(ListError::SeveralUsers { .. })));
}

#[tokio::test]
async fn rows_that_shift_once_are_all_found() {
    // Someone deletes a row of the first page while the second is on its way: a row slips between them.
    let deleting = book(250, |request, rows, _| {
        if request == 1 {
            rows.remove(0);
        }
    });
    assert_eq!(list(&deleting).await.unwrap().rows().len(), 249);

    // Someone adds a row at the front: one is shown twice.
    let adding = book(250, |request, rows, _| {
        if request == 1 {
            rows.insert(0, row(9_999));
        }
    });
    let listing = list(&adding).await.unwrap();
    assert_eq!(listing.rows().len(), 251);
    assert_eq!(ids(&listing).last(), Some(&"k09999"));
}

#[tokio::test]
async fn rows_that_shift_are_noticed_without_a_total() {
    let book = Book {
        states_total: false,
        ..book(250, |request, rows, _| {
            if request == 1 {
                rows.insert(0, row(9_999));
            }
        })
    };
    assert_eq!(list(&book).await.unwrap().rows().len(), 251);
}

#[tokio::test]
async fn a_row_that_is_replaced_by_another_while_it_is_listed_is_noticed() {
    // One deleted, one added: the total stays, and yet a row was missed.
    let book = book(250, |request, rows, _| {
        if request == 1 {
            rows.remove(0);
            rows.push(row(9_999));
        }
    });
    let listing = list(&book).await.unwrap();
    assert_eq!(listing.rows().len(), 250);
    assert!(ids(&listing).contains(&"k09999"));
}

#[tokio::test]
async fn a_listing_that_never_settles_is_an_error() {
    let book = book(250, |request, rows, _| rows.insert(0, row(1_000 + request)));
    let error = list(&book).await.unwrap_err();
    assert!(matches!(error, ListError::KeepsChanging { .. }), "{error}");
    insta::assert_snapshot!(format!("{error}\n{}", error.help().unwrap()));
}

#[tokio::test]
async fn an_unstable_order_that_hides_a_row_is_never_believed() {
    // The same row twice on every reading, and another never.
    let book = book(150, |_, _, page| {
        if let Some(hidden) = page.rows.iter_mut().find(|row| row.id.as_str() == "k00010") {
            *hidden = row(120);
        }
    });
    assert!(matches!(list(&book).await, Err(ListError::KeepsChanging { .. })));
}

#[tokio::test]
async fn a_total_that_counts_something_else_hides_no_row() {
    for stated in [0, 3, 120, 7_000, u64::MAX] {
        let book = book(150, move |_, _, page| page.total = Some(stated));
        assert_eq!(list(&book).await.unwrap().rows().len(), 150, "{stated}");
    }
}

#[tokio::test]
async fn an_account_that_ignores_the_offset_is_not_believed() {
    struct Stuck(bool);
    impl ReadAccount for Stuck {
        async fn page(&self, _: u64, _: u64) -> Result<Page, Failure> {
            Ok(Page { rows: (0..100).map(row).collect(), total: self.0.then_some(100), ..Page::default() })
        }
    }
    for states_total in [true, false] {
        assert!(matches!(list(&Stuck(states_total)).await, Err(ListError::KeepsChanging { shown: 100 })));
    }
}

/// Pages that differ in age: the older of two versions of the account is shown from some offset on.
#[tokio::test]
async fn a_row_between_two_pages_of_different_age_is_not_missed() {
    // Newest first. The second page is of before the newest two rows, so it begins where the first one ended.
    let book = book(150, |request, rows, page| {
        if request == 2 {
            page.rows = rows.iter().skip(99 + 2).take(100).cloned().collect();
        }
    });
    assert_eq!(list(&book).await.unwrap().rows().len(), 150);
    assert!(book.requests.get() > 2, "the listing was repeated");
}

#[tokio::test]
async fn the_rows_the_bytes_and_the_time_of_a_listing_are_bounded() {
    struct Endless<'c> {
        bytes: u64,
        clock: &'c VirtualClock,
        pause: Duration,
    }
    impl ReadAccount for Endless<'_> {
        async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
            self.clock.sleep(self.pause).await;
            let rows = (offset..offset + limit).map(|number| row(usize::try_from(number).unwrap())).collect();
            Ok(Page { rows, total: None, limit: Some(limit), bytes: self.bytes, date: None })
        }
    }
    let clock = VirtualClock::default();
    let list = async |bytes, pause| {
        let throttle = Throttle::new(&clock, 1);
        list_all(&Endless { bytes, clock: &clock, pause }, &throttle, RetryPolicy::default()).await
    };
    assert_eq!(list(0, Duration::ZERO).await, Err(ListError::TooManyRows));
    assert_eq!(list(1 << 20, Duration::ZERO).await, Err(ListError::TooLarge));
    assert_eq!(list(0, Duration::from_secs(1)).await, Err(ListError::TooSlow));
}

#[tokio::test]
async fn a_page_that_fails_is_asked_for_again_and_a_refusal_ends_it() {
    struct Flaky(Cell<u32>, Effect);
    impl ReadAccount for Flaky {
        async fn page(&self, _: u64, _: u64) -> Result<Page, Failure> {
            self.0.set(self.0.get() + 1);
            if self.0.get() > 2 {
                return Ok(Page { rows: vec![row(1)], total: Some(1), ..Page::default() });
            }
            Err(Failure {
                effect: self.1,
                kind: FailureKind::ServerError,
                status: Some(502),
                retry_after: None,
                id: None,
                message: "bad gateway".to_owned(),
                help: Some("wait".to_owned()),
            })
        }
    }
    assert_eq!(list(&Flaky(Cell::new(0), Effect::Unknown)).await.unwrap().rows().len(), 1);
    let error = list(&Flaky(Cell::new(0), Effect::Refused)).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot list the account: bad gateway");
    assert_eq!(error.help().as_deref(), Some("wait"));
}

#[tokio::test]
async fn a_page_that_is_not_needed_any_more_holds_back_none() {
    /// Its second page is short, the third never comes, and the fourth is pushed back.
    struct Stalling;
    impl ReadAccount for Stalling {
        async fn page(&self, offset: u64, _: u64) -> Result<Page, Failure> {
            let rows = match offset {
                0 => vec![row(0), row(1), row(2)],
                2 => {
                    tokio::task::yield_now().await;
                    vec![row(2)]
                }
                4 => std::future::pending().await,
                6 => return Err(pushed_back()),
                _ => vec![row(2)],
            };
            Ok(Page { rows, total: Some(9), limit: Some(3), ..Page::default() })
        }
    }
    let listing = tokio::time::timeout(Duration::from_secs(10), list(&Stalling)).await;
    assert_eq!(listing.unwrap().unwrap().rows().len(), 3);
}

fn pushed_back() -> Failure {
    Failure {
        effect: Effect::NotSent,
        kind: FailureKind::RateLimited,
        status: Some(429),
        retry_after: Some(Duration::from_secs(1)),
        id: None,
        message: "slow down".to_owned(),
        help: None,
    }
}

#[test]
fn a_listing_finds_rows_by_id_by_key_and_the_primary() {
    let blob = KeyBlob::of_line("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f");
    let holding = |number| Row { content: blob.clone().map_or(KeyContent::Unreadable, KeyContent::One), ..row(number) };
    let system = Row { is_user_key: false, ..holding(7) };
    let primary = Row { is_primary: true, ..row(5) };
    let listing = Listing::new([holding(9), primary, system, holding(3), row(4)]).unwrap();
    assert_eq!(ids(&listing), ["k00003", "k00004", "k00005", "k00009"]);
    assert_eq!(listing.by_id(&row(4).id), Some(&row(4)));
    assert_eq!(listing.by_id(&row(7).id), None);
    let held: Vec<_> = listing.holding(&blob.unwrap()).map(|row| row.id.as_str()).collect();
    assert_eq!(held, ["k00003", "k00009"]);
    assert_eq!(listing.primary().map(|row| &row.id), Some(&row(5).id));
    assert_eq!(Listing::default().primary(), None);
}
