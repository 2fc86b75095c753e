//! Scenes to render: a manifest, a state and an account, and the plan made from them.

use keyform::manifest::Desired;
use keyform::names::{CommitId, KeyName, StackName};
use keyform::plan::Plan;
use keyform::plan::guard::{Acknowledged, Stage, refusals};
use keyform::report::markdown::{self, Comment};
use keyform::report::{View, diff, text};

use crate::support::keys;
use crate::support::world::{self, today};

/// A plan, with the guards that refuse it.
pub(crate) struct Scene {
    pub(crate) plan: Plan,
}

/// The names of the scenes that are rendered in every format.
pub(crate) const NAMES: [&str; 8] = ["first", "none", "each", "many", "guards", "drift", "warnings", "stack"];

/// The names of all scenes.
pub(crate) const SCENES: [&str; 11] =
    ["first", "none", "each", "many", "guards", "drift", "warnings", "stack", "one", "twelve", "sixty"];

impl Scene {
    /// Returns the scene with this name.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "first" => Self::of(&owned("alice=A* bob-laptop=B carol=C"), "", ""),
            "none" => Self::of(&world::desired("alice=A* bob=B"), "alice=A#1 bob=B#2", "alice=A#1* bob=B#2 guest=G#9"),
            "each" => Self::of(
                &owned("alice=F bob-laptop=B erin=E frank=H*"),
                "alice=A#1<alice@example.com> bob=B#2<b@example.com> carol=C#3<carol@example.com> dave=D#4",
                "alice=A#1* bob=B#2 carol=C#3 old-erin=E#5 guest=G#9",
            ),
            "many" => Self::of(&many(2_000), "zoe=Z#1 yan=Y#2 xia=X#3", "zoe=Z#1 yan=Y#2 xia=X#3"),
            "one" => Self::of(&owned("alice=A bob=B"), "alice=A#1<alice@example.com>", "alice=A#1*"),
            "twelve" => Self::of(
                &owned("a1=A b1=B c1=C d1=D e1=E f1=F g1=G h1=H i1=I j1=J k1=K l1=L*"),
                "a1=A#1<a1@example.com> b1=Z#2<b1@example.com> x1=X#3<x1@example.com>",
                "a1=A#1* b1=Z#2 x1=X#3 x1-again=X#4 guest=Y#9",
            ),
            "sixty" => {
                let mut desired = many(60);
                for key in &mut desired.keys {
                    key.owner = Some(format!("{}@example.com", key.name));
                }
                Self::of(&desired, "", "")
            }
            "guards" => {
                Self::of(&world::desired("bob=H!"), "alice=A#1 bob=B#2! carol=C#3", "alice=A#1* bob=B#2 carol=C#3")
            }
            "drift" => Self::of(
                &world::desired("alice=A bob=B carol=C"),
                "alice=A#1 bob=B#2 carol=C#3",
                "alice=A#1 bob=H#2 someone-else=C#3",
            ),
            "warnings" => Self::of(&expiring("alice=A bob=B"), "alice=A#1", "alice=A#1 alice=A#7 bob=X#8? carol=C#9"),
            "stack" => {
                let mut scene =
                    Self::of(&owned("alice=A bob=B"), "alice=A#1<alice@example.com> carol=C#3", "alice=A#1 carol=C#3");
                scene.plan.stack = Some(StackName::new("research-eu").unwrap());
                scene.plan.commit = Some(CommitId::new("3f2c9ab").unwrap());
                scene
            }
            _ => panic!("no scene {name}"),
        }
    }

    pub(crate) fn of(desired: &Desired, recorded: &str, account: &str) -> Self {
        let recorded = world::recorded(recorded);
        let listing = world::listing(account);
        let mut plan = world::plan_of(desired, Some(&recorded), Some(&listing));
        plan.base.location = Some("keyform.state.json".to_owned());
        Self::guarded(plan)
    }

    pub(crate) fn guarded(mut plan: Plan) -> Self {
        plan.refusals = refusals(&plan, &Acknowledged::default(), Stage::Plan);
        Self { plan }
    }

    /// Renders the plan as text with colours.
    pub(crate) fn text(&self, view: View) -> String {
        text::plan(&self.plan, view)
    }

    pub(crate) fn diff(&self) -> String {
        diff::plan(&self.plan)
    }

    pub(crate) fn comment(&self, max_chars: usize, view: View) -> String {
        markdown::plan(&self.plan, Comment { max_chars, view })
    }
}

fn owned(keys: &str) -> Desired {
    let mut desired = world::desired(keys);
    for key in &mut desired.keys {
        key.owner = Some(format!("{}@example.com", key.name));
    }
    desired
}

fn expiring(keys: &str) -> Desired {
    let mut desired = world::desired(keys);
    desired.keys[0].expires = Some(today());
    desired.keys[1].expires = Some("2026-12-01".parse().unwrap());
    desired
}

pub(crate) fn many(count: u64) -> Desired {
    let template = world::desired("new=A").keys.remove(0);
    let mut desired = world::desired("");
    desired.keys = (0..count)
        .map(|number| {
            let mut key = template.clone();
            key.name = KeyName::new(format!("key-{number:04}")).unwrap();
            key.key = keys::key(number + 1_000);
            key
        })
        .collect();
    desired
}
