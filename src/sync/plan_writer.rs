//! Writes a plan as it is computed: what adds as it comes, what takes away behind it, and the new
//! memberships once more in the order of the groups.

mod renaming;

use std::{
    collections::{HashMap, HashSet},
    io::{self, Read, Write},
};

use tokio::task::JoinSet;
use uuid::Uuid;

use self::renaming::in_turn;
use super::{
    guarding::{Guard, Protected},
    sorter::{Sorter, Spill, read_or_end},
};
use crate::{
    clock::Clock,
    directory::{ChunkSize, GroupId, GroupStep, StepKind, UserId, UserStep},
    provisioning::Taken,
    store::{Chunk, GroupJoins, NewGroup, NewPlan, PlanId, Seal, Store, StoreError},
};

/// A chunk takes the one writer, or the log's head, for about ten milliseconds: a login does not wait longer
/// for it.
const CHUNK_WEIGHT: usize = 4000;

/// An account weighs as much as so many memberships.
const USER_WEIGHT: usize = 10;

/// Groups that change are written one by one.
const GROUPS_AT_ONCE: usize = 100;

/// Chunks that are on their way into the store at once.
const AT_ONCE: usize = 4;

/// What sorting memberships keeps in memory.
const MEMORY: usize = 32 << 20;

/// A membership that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Join {
    group: GroupId,
    user: UserId,
}

impl Spill for Join {
    fn weight(&self) -> usize {
        size_of::<Self>()
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&self.group.0.to_le_bytes())?;
        to.write_all(&self.user.0.to_le_bytes())
    }

    fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = [0; 8];
        if !read_or_end(from, &mut bytes)? {
            return Ok(None);
        }
        let group = GroupId(i64::from_le_bytes(bytes));
        from.read_exact(&mut bytes)?;
        Ok(Some(Self { group, user: UserId(i64::from_le_bytes(bytes)) }))
    }
}

/// Why a plan could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Temporary files.
    #[error("memberships cannot be sorted: {0}; let there be room in the temporary directory")]
    Sort(#[from] io::Error),
}

/// A plan that is being written.
pub(super) struct PlanWriter {
    store: Store,
    clock: Clock,
    id: PlanId,
    chunks: i64,
    size: ChunkSize,
    adding: Vec<UserStep>,
    adding_weight: usize,
    ending: Vec<UserStep>,
    ending_weight: usize,
    /// Packed chunks of endings, which come last. They are few, or the guard stops them.
    endings: Vec<Vec<u8>>,
    joins: Sorter<Join>,
    /// Chunks on their way into the store, while the next are computed.
    writing: JoinSet<Result<(), StoreError>>,
    /// What it takes away, but for what waits.
    taken: Taken,
    /// Groups that the source had named no more before: who leaves them now leaves a group that is gone.
    gone_before: HashSet<GroupId>,
    /// From whom nothing is taken away without an administrator's word.
    pub(super) protected: Protected,
    /// What would be all the same. It comes after all else, and waits.
    waiting: Vec<UserStep>,
    /// Whether it speaks of some people only.
    pub(super) of_some: bool,
}

/// What there is, for the guard.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Accounts that may be used.
    pub(super) users: usize,
    /// Groups that the source knows.
    pub(super) groups: usize,
    /// Members by the word of the source.
    pub(super) members: HashMap<GroupId, usize>,
    /// Memberships by the word of the source that `members` does not count.
    pub(super) others: usize,
}

impl PlanWriter {
    pub(super) async fn begin(
        store: &Store,
        clock: &Clock,
        plan: NewPlan,
    ) -> Result<Self, StoreError> {
        let id = store.begin_plan(plan, clock.now()).await?;
        Ok(Self {
            store: store.clone(),
            clock: clock.clone(),
            id,
            chunks: 0,
            size: ChunkSize::default(),
            adding: Vec::new(),
            adding_weight: 0,
            ending: Vec::new(),
            ending_weight: 0,
            endings: Vec::new(),
            joins: Sorter::new(MEMORY),
            writing: JoinSet::new(),
            taken: Taken::default(),
            gone_before: HashSet::new(),
            protected: Protected::default(),
            waiting: Vec::new(),
            of_some: false,
        })
    }

    pub(super) fn id(&self) -> PlanId {
        self.id
    }

    /// Groups that the accounts to come join.
    pub(super) async fn create_groups(&mut self, groups: Vec<NewGroup>) -> Result<(), PlanError> {
        for groups in groups.chunks(CHUNK_WEIGHT / USER_WEIGHT) {
            self.add(Chunk::Groups(groups.to_vec())).await?;
        }
        Ok(())
    }

    /// Groups that get other names or external ids.
    pub(super) async fn change_groups(&mut self, steps: Vec<GroupStep>) -> Result<(), PlanError> {
        let (renaming, others): (Vec<_>, Vec<_>) = steps.into_iter().partition(GroupStep::renames);
        for steps in in_turn(renaming, GROUPS_AT_ONCE) {
            self.add(Chunk::GroupChanges(steps)).await?;
        }
        for steps in others.chunks(GROUPS_AT_ONCE) {
            self.add(Chunk::GroupChanges(steps.to_vec())).await?;
        }
        Ok(())
    }

    /// Groups that go, if nobody is in them by then.
    pub(super) async fn remove_groups(&mut self, groups: Vec<NewGroup>) -> Result<(), PlanError> {
        if groups.is_empty() { Ok(()) } else { self.add(Chunk::GroupEndings(groups)).await }
    }

    /// What becomes of some accounts. What is added and updated comes in one transaction: some may swap names.
    pub(super) async fn push_together(&mut self, steps: Vec<UserStep>) -> Result<(), PlanError> {
        let weight: usize = steps.iter().map(|step| USER_WEIGHT + step.joins.len()).sum();
        if steps.len() > 1 && self.adding_weight + weight > CHUNK_WEIGHT {
            self.flush_adding().await?;
        }
        for step in steps {
            self.take(step)?;
        }
        if self.adding_weight >= CHUNK_WEIGHT {
            self.flush_adding().await?;
        }
        if self.ending_weight >= CHUNK_WEIGHT {
            self.flush_ending()?;
        }
        Ok(())
    }

    /// Takes a chunk of another plan back, before what came before it: what it takes away gives names and groups free
    /// for what it adds. Nobody guards that, so nothing has to wait for the end.
    pub(super) async fn push_back(&mut self, steps: Vec<UserStep>) -> Result<(), PlanError> {
        // Who ends under another name gets that name first.
        let (renaming, others): (Vec<_>, Vec<_>) = steps.into_iter().partition(UserStep::renames);
        for step in others {
            self.take(step)?;
        }
        self.add_ending().await?;
        for step in renaming {
            self.take(step)?;
        }
        self.flush_adding().await?;
        self.add_ending().await
    }

    async fn add_ending(&mut self) -> Result<(), PlanError> {
        self.ending_weight = 0;
        let ending = std::mem::take(&mut self.ending);
        if ending.is_empty() { Ok(()) } else { self.add(Chunk::Endings(ending)).await }
    }

    /// What it takes away, but for what waits in any case.
    pub(super) fn taken(&self) -> &Taken {
        &self.taken
    }

    /// The source names so many groups no more.
    pub(super) fn lose_groups(&mut self, count: usize) {
        self.taken.groups += count;
    }

    /// The source had named these no more before. An earlier plan may have said so and not been let take their members.
    pub(super) fn remember_gone(&mut self, groups: HashSet<GroupId>) {
        self.gone_before = groups;
    }

    fn take(&mut self, step: UserStep) -> Result<(), PlanError> {
        let (adding, ending) = step.split();
        if let Some(step) = adding {
            for group in &step.joins {
                self.joins.push(Join { group: *group, user: step.user })?;
            }
            self.adding_weight += USER_WEIGHT + step.joins.len();
            self.adding.push(step);
        }
        let (ending, waiting) = ending.map_or((None, None), |step| self.protected.divide(step));
        self.waiting.extend(waiting);
        if let Some(step) = ending {
            for group in &step.leaves {
                *self.taken.of_groups.entry(*group).or_default() += 1;
            }
            self.taken.users += usize::from(step.kind() != StepKind::Keep);
            self.ending_weight += USER_WEIGHT + step.leaves.len();
            self.ending.push(step);
        }
        Ok(())
    }

    async fn flush_adding(&mut self) -> Result<(), PlanError> {
        self.adding_weight = 0;
        let steps = std::mem::take(&mut self.adding);
        if steps.is_empty() { Ok(()) } else { self.add(Chunk::Users(steps)).await }
    }

    fn flush_ending(&mut self) -> Result<(), PlanError> {
        self.ending_weight = 0;
        let chunk = Chunk::Endings(std::mem::take(&mut self.ending));
        self.size += chunk.size();
        self.endings.push(chunk.pack()?);
        Ok(())
    }

    async fn add(&mut self, chunk: Chunk) -> Result<(), PlanError> {
        self.size += chunk.size();
        let (store, id, number) = (self.store.clone(), self.id, self.chunks);
        let now = self.clock.now();
        self.chunks += 1;
        while self.writing.len() >= AT_ONCE {
            self.written().await?;
        }
        self.writing.spawn(async move {
            let packed = tokio::task::spawn_blocking(move || chunk.pack()).await;
            let packed = packed.map_err(|_| StoreError::NotWritten)??;
            store.add_chunk(id, number, packed, now).await
        });
        Ok(())
    }

    async fn add_packed(&mut self, packed: Vec<u8>) -> Result<(), PlanError> {
        self.store.add_chunk(self.id, self.chunks, packed, self.clock.now()).await?;
        self.chunks += 1;
        Ok(())
    }

    /// Waits for one chunk, or for nothing if none is on its way.
    async fn written(&mut self) -> Result<(), PlanError> {
        match self.writing.join_next().await {
            Some(written) => Ok(written.map_err(|_| StoreError::NotWritten)??),
            None => Ok(()),
        }
    }

    /// Completes the plan; `None` if there is nothing to do. What would take away too much of what is held
    /// waits for an administrator, unless that was said not to matter; what would be taken from whom or what is
    /// protected waits in any case.
    pub(super) async fn finish(mut self, guard: Option<&Guard>) -> Result<Option<Seal>, PlanError> {
        self.flush_adding().await?;
        self.write_members().await?;
        let first_ending = self.chunks;
        if !self.ending.is_empty() {
            self.flush_ending()?;
        }
        self.write_endings().await?;
        let first_waiting = self.chunks;
        let waiting = std::mem::take(&mut self.waiting);
        let waits = waiting.len();
        for step in waiting {
            self.ending_weight += USER_WEIGHT + step.leaves.len();
            self.ending.push(step);
            if self.ending_weight >= CHUNK_WEIGHT {
                self.flush_ending()?;
            }
        }
        if !self.ending.is_empty() {
            self.flush_ending()?;
        }
        self.write_endings().await?;
        while !self.writing.is_empty() {
            self.written().await?;
        }
        if self.chunks == 0 {
            return Ok(None);
        }
        let emptied = self.taken.of_groups.keys().filter(|group| self.gone_before.contains(*group));
        self.taken.groups += emptied.count();
        let too_much = guard.and_then(|guard| guard.check(&self.taken).err());
        let is_remembered = guard.is_some() && too_much.is_none() && !self.taken.is_empty();
        let taken = is_remembered.then_some(self.taken);
        let of_protected = too_much.is_none() && waits > 0;
        let (first_ending, guard) = match (too_much, waits) {
            (Some(error), _) => (first_ending, Some(error.to_string())),
            (None, 0) => (first_ending, None),
            (None, count) => (first_waiting, Some(needs_a_word(count))),
        };
        let Self { size, chunks, of_some, .. } = self;
        let seal = Seal {
            size,
            chunks,
            first_ending,
            guard,
            of_protected,
            of_some,
            taken,
            ..Seal::default()
        };
        Ok(Some(seal))
    }

    async fn write_endings(&mut self) -> Result<(), PlanError> {
        for packed in std::mem::take(&mut self.endings) {
            self.add_packed(packed).await?;
        }
        Ok(())
    }

    async fn write_members(&mut self) -> Result<(), PlanError> {
        let joins = std::mem::replace(&mut self.joins, Sorter::new(MEMORY)).finish()?;
        let (mut members, mut weight): (Vec<GroupJoins>, _) = (Vec::new(), 0);
        for join in joins {
            let Join { group, user } = join?;
            match members.last_mut() {
                Some(last) if last.group == group => last.users.push(user),
                _ => members.push(GroupJoins { group, users: vec![user] }),
            }
            weight += 1;
            if weight == CHUNK_WEIGHT {
                self.add(Chunk::Members(std::mem::take(&mut members))).await?;
                weight = 0;
            }
        }
        if members.is_empty() { Ok(()) } else { self.add(Chunk::Members(members)).await }
    }
}

fn needs_a_word(count: usize) -> String {
    format!(
        "it would end protected accounts, or take people out of protected groups ({count} in all), which needs an \
         administrator's word"
    )
}

/// A group that is to be made.
pub(super) fn new_group(id: i64, name: &str) -> NewGroup {
    NewGroup { id: GroupId(id), uuid: Uuid::now_v7(), name: name.to_owned() }
}
