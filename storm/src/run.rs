//! One run: start the deployment and the crowd, let the nemesis loose, heal, let all come to rest, read everything.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};

use crate::Trouble;
use crate::crowd::population::{Crowd, Size};
use crate::crowd::{Phase, World, endings, host};
use crate::history::{Broken, History, Micros};
use crate::nemesis::apply::{self, Outcome};
use crate::nemesis::fault::{Ability, Fault};
use crate::nemesis::schedule;
use crate::progress::Progress;
use crate::rig::node::Node;
use crate::rig::{Plan, Rig};

/// What a run is given.
#[derive(Debug, Clone)]
pub(crate) struct Storm {
    pub plan: Plan,
    pub seed: u64,
    pub size: Size,
    /// How long things break.
    pub length: Duration,
    /// On average so long from one break to the next.
    pub every: Duration,
    /// None lasts longer, as far as it has a length.
    pub longest: Duration,
    pub only: Vec<Fault>,
    /// Every kind in turn, rather than a random part of them.
    pub fair: bool,
    pub ability: Ability,
    /// So long everything is left alone when it has been healed.
    pub calm: Duration,
    /// Goes on until so many sends are acknowledged, if that takes longer.
    pub sends: u64,
    /// Goes on until each possible kind of fault broke something so many times, for some rounds.
    pub each: u64,
    /// For reports: what runs the same again, what this machine cannot break, and when it began.
    pub command: String,
    pub left_out: Vec<String>,
    pub began: chrono::DateTime<chrono::Utc>,
}

impl Storm {
    /// The kinds that did not break anything as often as is wanted.
    pub(crate) fn rare(&self, broken: &[Broken]) -> Vec<Fault> {
        let wanted =
            |fault: &&Fault| fault.is_possible(self.ability) && (self.only.is_empty() || self.only.contains(fault));
        let came = |fault: Fault| broken.iter().filter(|one| one.fault == fault.name() && one.took()).count() as u64;
        Fault::ALL.iter().filter(wanted).copied().filter(|fault| came(*fault) < self.each).collect()
    }
}

/// How long to wait for what has no answer yet, once all is healed.
const SETTLE: Duration = Duration::from_secs(45);
/// By the contract, everything is told within 10 s of the end of the last fault.
pub(crate) const CONVERGE: Duration = Duration::from_secs(12);
/// And who is online a little more than 35 s after it, where Redis is between nodes.
pub(crate) const CONVERGE_PRESENCE: Duration = Duration::from_secs(37);
/// For one connection more of everybody, and what it brings.
const REST: Duration = Duration::from_secs(6);
/// So many lengths at most, and so many for kinds that came too rarely.
const ROUNDS: u64 = 20;
const ROUNDS_FOR_RARE: u64 = 3;
/// So much more seldom something breaks where it goes on for the sake of sends alone.
const CALMER: u32 = 12;
/// Breaks that overlap at most.
const AT_ONCE: usize = 3;

/// When, of which node, how many bytes, with how many connections.
type Memory = Vec<(Micros, u8, u64, usize)>;

/// Everything of a run that goes on beside it. Aborted when it is dropped.
#[derive(Default)]
struct Tasks {
    crowd: JoinSet<()>,
    watching: JoinSet<()>,
    breaking: JoinSet<Result<Outcome, Trouble>>,
}

/// However it goes, nobody of the crowd and no process is left when it is over. What a client has begun beside its work, such as
/// scrolling, ends by its own time limits.
pub(crate) async fn run(storm: &Storm, progress: &Progress) -> Result<History, Trouble> {
    let plan = storm.plan.clone();
    progress.say("starting the deployment");
    let rig = Arc::new(spawn_blocking(move || Rig::start(&plan)).await??);
    let mut tasks = Tasks::default();
    let history = carry_out(storm, &rig, &mut tasks, progress).await;
    tasks.crowd.shutdown().await;
    tasks.watching.shutdown().await;
    // A break that has begun cannot be aborted: it ends by itself, and holds the deployment until then.
    while tasks.breaking.join_next().await.is_some() {}
    let stopped = spawn_blocking(move || Arc::into_inner(rig).map(drop)).await?;
    let history = history?;
    stopped.ok_or("something of the run still holds its deployment")?;
    Ok(history)
}

async fn carry_out(storm: &Storm, rig: &Arc<Rig>, tasks: &mut Tasks, progress: &Progress) -> Result<History, Trouble> {
    let (phase, watched) = watch::channel(Phase::Storm);
    let mut crowd = Crowd::gather(rig, storm.size, storm.seed, watched).await?;
    let world = Arc::clone(&crowd.world);
    let memory = Arc::<Mutex<Memory>>::default();
    tasks.watching.spawn(turn_front(Arc::clone(rig)));
    tasks.watching.spawn(progress.clone().watch(Arc::clone(&world)));
    tasks.watching.spawn(watch_memory(Arc::clone(rig), Arc::clone(&world), Arc::clone(&memory)));
    crowd.start(&mut tasks.crowd)?;
    progress.say("breaking things");
    let mut outcome = break_things(storm, rig, &world, &mut tasks.breaking, progress).await?;

    progress.say("healing");
    let healing = Arc::clone(rig);
    spawn_blocking(move || healing.heal()).await??;
    let healed = world.recorder.now();
    let _ = phase.send(Phase::Settle);
    let deadline = Instant::now() + SETTLE;
    while world.owed.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let still = world.owed.load(Ordering::Relaxed);
    if still > 0 {
        outcome.alarms.push(format!("{still} sends had no answer {SETTLE:?} after everything was healed"));
    }
    tokio::time::sleep(storm.calm.max(CONVERGE)).await;
    let rest = world.recorder.now();
    let wall_at_rest = chrono::Utc::now().timestamp_millis();
    let _ = phase.send(Phase::Rest);
    tokio::time::sleep(REST).await;
    // What the storm itself reads from here on is more than clients do.
    let memory = std::mem::take(&mut *memory.lock().unwrap_or_else(PoisonError::into_inner));
    progress.say("reading everything");
    let finals = host::read_all(&world, &crowd.rest).await?;
    let endings = endings::read(&world, &crowd.rest, &finals, fastrand::Rng::with_seed(storm.seed)).await?;
    // What comes from here on is the storm's own leaving.
    let records = world.recorder.take();
    let _ = phase.send(Phase::End);
    while let Some(left) = tasks.crowd.join_next().await {
        left?;
    }
    tasks.watching.shutdown().await;
    progress.say("judging the audit trail");
    let draining = Arc::clone(rig);
    spawn_blocking(move || draining.nodes.iter().try_for_each(Node::drain)).await??;
    let trail = rig.trail().await?;
    let logs = rig.nodes.iter().flat_map(|node| crate::alarms::in_log(node.no, &node.log()));
    outcome.alarms.extend(logs.collect::<Vec<_>>());
    outcome.alarms.extend(rig.nodes.iter().flat_map(Node::alarms));
    outcome.alarms.extend(world.alarms.take());
    let scene = std::mem::take(&mut crowd.scene);
    Ok(History {
        scene,
        records,
        extras: world.places.extras.all(),
        broken: outcome.broken,
        healed,
        rest,
        wall_at_rest,
        finals,
        endings,
        power_cuts: outcome.power_cuts,
        lost_at_power_cut: outcome.lost,
        memory,
        trail,
        alarms: outcome.alarms,
    })
}

/// Strikes at the times of the schedule, some at once, until it is over and enough was sent.
async fn break_things(
    storm: &Storm,
    rig: &Arc<Rig>,
    world: &Arc<World>,
    running: &mut JoinSet<Result<Outcome, Trouble>>,
    progress: &Progress,
) -> Result<Outcome, Trouble> {
    let nodes = u8::try_from(rig.nodes.len())?;
    let mut all = Outcome::default();
    let mut round = 0;
    loop {
        let seed = storm.seed.wrapping_add(round);
        let rare = storm.rare(&all.broken);
        let fills_up = round > 0 && !rare.is_empty();
        let only = if fills_up { &rare } else { &storm.only };
        // Where all that is missing is sends, they get the room.
        let every = if round > 0 && !fills_up { storm.every * CALMER } else { storm.every };
        let strikes = schedule::draw(seed, storm.length, every, nodes, storm.ability, only, storm.fair);
        let is_over = |so_far: &Outcome| {
            round > 0 && (fills_up && storm.rare(&so_far.broken).is_empty() || is_enough(storm, so_far, world, round))
        };
        let start = Instant::now();
        for mut strike in strikes {
            strike.hold = strike.hold.min(storm.longest);
            // Kinds that are rare may be so because they are in each other's way.
            let at_once = if fills_up { 1 } else { AT_ONCE };
            while running.len() >= at_once {
                take(running.join_next().await, &mut all)?;
            }
            if is_over(&all) {
                break;
            }
            if fills_up && !storm.rare(&all.broken).contains(&strike.fault) {
                continue;
            }
            if !fills_up {
                tokio::time::sleep_until((start + strike.at).into()).await;
            }
            // Breaks that took long have used up the time of those that are left.
            if start.elapsed() >= storm.length {
                break;
            }
            progress.fault(strike.fault);
            let (rig, recorder) = (Arc::clone(rig), world.recorder.clone());
            running.spawn_blocking(move || {
                apply::strike(&rig, &recorder, &strike)
                    .map_err(|error| Trouble::from(format!("{}: {error}", strike.fault)))
            });
        }
        while let Some(done) = running.join_next().await {
            take(Some(done), &mut all)?;
        }
        while start.elapsed() < storm.length && !is_over(&all) {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        round += 1;
        if round > ROUNDS || is_enough(storm, &all, world, round) {
            return Ok(all);
        }
    }
}

fn is_enough(storm: &Storm, so_far: &Outcome, world: &World, round: u64) -> bool {
    let rare = round <= ROUNDS_FOR_RARE && !storm.rare(&so_far.broken).is_empty();
    !rare && world.recorder.counts().acknowledged.load(Ordering::Relaxed) >= storm.sends
}

fn take(
    done: Option<Result<Result<Outcome, Trouble>, tokio::task::JoinError>>,
    all: &mut Outcome,
) -> Result<(), Trouble> {
    let Some(done) = done else { return Ok(()) };
    let one = done??;
    all.broken.extend(one.broken);
    all.lost.extend(one.lost);
    all.power_cuts += one.power_cuts;
    all.alarms.extend(one.alarms);
    Ok(())
}

/// New connections through the front go to another node every little while.
async fn turn_front(rig: Arc<Rig>) {
    for node in rig.nodes.iter().cycle() {
        rig.front.retarget(node.line.addr);
        tokio::time::sleep(Duration::from_millis(70)).await;
    }
}

/// The largest resident memory of each node, with the connections that it had.
async fn watch_memory(rig: Arc<Rig>, world: Arc<World>, seen: Arc<Mutex<Memory>>) {
    loop {
        for node in &rig.nodes {
            if let Some(bytes) = node.memory() {
                let one = (world.recorder.now(), node.no, bytes, node.line.connections());
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(one);
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
