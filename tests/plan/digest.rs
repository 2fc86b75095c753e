//! What the digest of a plan covers.

use keyform::account::Endpoint;
use keyform::names::{KeyName, UserId};
use keyform::plan::{Note, Plan, Reason};
use sha2::{Digest as _, Sha256};

use crate::support::world::{plan, show};

#[test]
fn digests_are_equal_only_for_equal_changes() {
    let digest = |desired, state, account| plan(desired, state, account).digest();
    let first = digest("a=A b=B", "", "x=X#1");
    assert_eq!(first, digest("b=B a=A", "", "x=X#1"));
    assert_ne!(first, digest("a=A", "", "x=X#1"));
    assert_ne!(first, digest("a=A c=B", "", "x=X#1"));
    assert_ne!(first, digest("a=A b=C", "", "x=X#1"));
    assert_ne!(digest("", "a=A#1", "a=A#1"), digest("", "a=A#2", "a=A#2"));
}

#[test]
fn a_digest_covers_the_actions_the_primary_and_the_account_only() {
    let plan = plan("a=A b=B", "b=C#1", "b=C#1 x=X#2*");
    let changed = |change: &dyn Fn(&mut Plan)| {
        let mut other = plan.clone();
        change(&mut other);
        assert_ne!(other, plan);
        other.digest() != plan.digest()
    };
    let user = UserId::new("somebody-else").unwrap();
    assert!(changed(&|plan| plan.endpoint = Endpoint::default()));
    assert!(changed(&|plan| plan.user_id = Some(user.clone())));
    assert!(changed(&|plan| plan.pin = Some(user.clone())));
    assert!(changed(&|plan| plan.primary = Some(KeyName::new("a").unwrap())));
    assert!(changed(&|plan| plan.primary_row = None));
    assert!(changed(&|plan| plan.primary_row.as_mut().unwrap().account_name = "y".to_owned()));
    assert!(changed(&|plan| plan.actions[0].name = KeyName::new("mallory").unwrap()));
    assert!(changed(&|plan| plan.actions.swap(0, 1)));
    assert!(changed(&|plan| drop(plan.actions.pop())));
    assert!(!changed(&|plan| plan.actions[0].reason = Reason::Gone));
    assert!(!changed(&|plan| plan.base.serial += 1));
    assert!(!changed(&|plan| plan.managed += 1));
    assert!(!changed(&|plan| plan.notes.push(Note::PrimaryUnknown)));
    assert!(!changed(&|plan| plan.unmanaged.clear()));
    assert!(!changed(&|plan| plan.refuses_unmanaged = true));
}

#[test]
fn a_digest_covers_the_other_keys_of_a_row_and_the_owner_of_a_promoted_key() {
    let digest = |wanted, state, account| plan(wanted, state, account).digest();
    let mixed = digest("r=A$", "", "z=A#1&B");
    assert_ne!(mixed, digest("r=A$", "", "z=A#1&C"));
    assert_ne!(mixed, digest("r=A$", "", "z=A#1"));
    let promoted = digest("a=A<ann>*", "a=A#1<ann>", "a=A#1");
    assert_ne!(promoted, digest("a=A<bob>*", "a=A#1<bob>", "a=A#1"));
}

#[test]
fn removals_of_keys_whose_recorded_expiry_has_passed_are_left_out() {
    let digest = |wanted, state, account| plan(wanted, state, account).digest();
    let rest = digest("b=B", "b=B#2", "b=B#2");
    // Approved with the expiry, whether the entry is still there or not, and for each row.
    assert_eq!(digest("b=B a=A~", "a=A#1~ b=B#2", "a=A#1 z=A#3 b=B#2"), rest);
    assert_eq!(digest("b=B", "a=A#1~ b=B#2", "a=A#1 b=B#2"), rest);
    assert_eq!(digest("b=B", "a=A#1~ b=B#2", "b=B#2"), rest);
    // Not approved: the state does not have this expiry.
    assert_ne!(digest("b=B a=A~", "a=A#1 b=B#2", "a=A#1 b=B#2"), rest);
    assert_ne!(digest("b=B a=A~", "b=B#2", "a=A#1 b=B#2"), rest);
    assert_ne!(digest("b=B", "a=A#1+1 b=B#2", "a=A#1 b=B#2"), rest);
    // It is the primary that is lost.
    assert_ne!(digest("b=B", "a=A#1~ b=B#2", "a=A#1* b=B#2"), digest("b=B", "b=B#2", "a=A#1* b=B#2"));
}

#[test]
fn the_digest_of_a_plan_with_every_action_stays_as_it_is() {
    let plan = plan(
        "up=U<ann>+30 ad=A(xx)! up2=V(Up) na=N<ann> new=R rot=S* gone=G!",
        "old=R#1 rot=P#2<bob>! gone=G#3 bad=D#4<bob>+9 na=N#6(nb){nb} late=E#8~ fo=F#10<eve>",
        "old=R#1 rot=P#2* zz=D#4 xx=A#5 nb=N#6 copy=D#7 late=E#8 odd=X#9",
    );
    assert_eq!(
        show(&plan),
        "+gone=G protect dropping [\"3\"] (gone); +up=U (absent); +up2=V (absent); =ad=A#5 (present); \
         ~na=N#6 accountName+owner (changed); ~new=R#1 name (changed); ±rot=S owner+protect -#2 protected (other-key); \
         ^rot=S (new-primary); -bad=D#4 (undesired); -bad=D#7 (copy-of-removed); -late=E#8 (undesired); xfo=F#10 (undesired)"
    );
    let contents = include_str!("digest.jsonl");
    let hex: String = Sha256::digest(contents.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(plan.digest().to_string(), format!("sha256:{hex}"), "digest.jsonl has its contents");
    assert_eq!(hex, "708603343ac8b64b630c36b1c3b9d37629a616682d1b4fc06fd9be65b725215b");
}
