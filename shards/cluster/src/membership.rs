//! A process's own place in the cluster, and its view of the others.

use crate::last_map::{MapFolder, Saved};
use crate::silence::{Heard, Silence};
use crate::view::View;
use crate::{LEASE, READ_EVERY, RENEW_EVERY};
use link::Target;
use model::calls::database::{Failure, JoinMember, LeaveMember, ReadClusterView, RenewMember};
use model::membership::{Member, Role};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::planted::{self, Bug};
use telemetry::Process;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// Changes that are announced within this time are read at once.
const COALESCE: Duration = Duration::from_millis(5);

/// A handle on the cluster: this process's lease, and the last view.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    me: Member,
    db: Arc<dyn Store>,
    view: watch::Sender<Arc<View>>,
    targets: Vec<(Role, watch::Sender<Option<Target>>)>,
    /// Held during every change of the lease, so that no late renewal joins again after a leave.
    lease: Mutex<Lease>,
    silence: parking_lot::Mutex<Silence>,
    maps: MapFolder,
    /// Counts the changes that were announced.
    announced: watch::Sender<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lease {
    Outside,
    /// A newer run has it, since then.
    Refused(Instant),
    Joined,
    Left,
}

impl Cluster {
    /// Enters the cluster and keeps the lease and the view fresh in tasks of the process.
    ///
    /// Returns at once: until the arbiter answers, the view is empty and the health component `cluster`
    /// is not ready. An arbiter that does not answer for a lease's time is away: then the last good map on disk holds
    /// until it answers.
    pub async fn join(process: &Process, db: Arc<dyn Store>, me: Member) -> Self {
        let cluster = Self::observe(process, db, me).await;
        cluster.enter(process);
        cluster
    }

    /// Keeps the view fresh without being in it, until [`Cluster::enter`].
    pub async fn observe(process: &Process, db: Arc<dyn Store>, me: Member) -> Self {
        let targets = Role::START_ORDER.map(|role| (role, watch::Sender::new(None))).into();
        let view = watch::Sender::new(Arc::new(View::default()));
        let silence = parking_lot::Mutex::new(Silence::new(Instant::now()));
        let maps = MapFolder::new(&process.data, &me.name);
        let lease = Mutex::new(Lease::Outside);
        let announced = watch::Sender::new(0);
        let shared = Arc::new(Shared { me, db, view, targets, lease, silence, maps, announced });
        process.health.ready("cluster", false);
        let cluster = Self { shared };
        process.tasks.spawn("cluster-view", cluster.clone().keep_view(process.clone()));
        process.tasks.spawn("cluster-map", cluster.clone().keep_map(process.clone()));
        cluster
    }

    /// Takes a lease and keeps it; a former run of this name is replaced.
    pub fn enter(&self, process: &Process) {
        process.tasks.spawn("cluster-lease", self.clone().keep_lease(process.clone()));
    }

    /// The last view that was read.
    pub fn view(&self) -> Arc<View> {
        self.shared.view.borrow().clone()
    }

    /// The view and every later one.
    pub fn watch(&self) -> watch::Receiver<Arc<View>> {
        self.shared.view.subscribe()
    }

    /// A live member of a role (the lowest name), for `link::Client`; changes when it dies or restarts.
    pub fn target(&self, role: Role) -> watch::Receiver<Option<Target>> {
        let found = self.shared.targets.iter().find(|(of, _)| *of == role);
        found.map_or_else(|| watch::channel(None).1, |(_, sender)| sender.subscribe())
    }

    /// Changes whenever the arbiter announces that something may have changed.
    pub(crate) fn announced(&self) -> watch::Receiver<u64> {
        self.shared.announced.subscribe()
    }

    /// This process's own row.
    pub fn me(&self) -> &Member {
        &self.shared.me
    }

    /// Gives the lease back, so that the others need not wait for it to end.
    pub async fn leave(&self) {
        let mut lease = self.shared.lease.lock().await;
        *lease = Lease::Left;
        let me = &self.shared.me;
        let leave = LeaveMember { name: me.name.clone(), incarnation: me.incarnation };
        match timeout(RENEW_EVERY, self.shared.db.leave_member(leave)).await {
            Ok(Ok(())) => tracing::info!(member = %me.name, "left the cluster"),
            Ok(Err(failure)) => tracing::warn!(%failure, "could not give the lease back; it ends by itself"),
            Err(_) => tracing::warn!("giving the lease back took too long; it ends by itself"),
        }
    }

    async fn keep_lease(self, process: Process) {
        let mut every = interval(RENEW_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = process.stop.cancelled() => return,
                _ = every.tick() => {}
            }
            if let Err(failure) = self.renew_or_join(&process).await {
                tracing::warn!(%failure, "could not renew the lease");
            }
        }
    }

    async fn renew_or_join(&self, process: &Process) -> Result<(), Failure> {
        let mut lease = self.shared.lease.lock().await;
        let me = &self.shared.me;
        let lease_ms = LEASE.as_millis() as u64;
        if *lease == Lease::Left {
            return Ok(());
        }
        if *lease == Lease::Joined {
            let renew = RenewMember { name: me.name.clone(), incarnation: me.incarnation, lease_ms };
            if self.shared.db.renew_member(renew).await? {
                return Ok(());
            }
            if self.is_replaced().await? {
                tracing::error!(member = %me.name, "a newer run of this process has its place, stopping");
                process.stop.cancel();
                return Ok(());
            }
            if planted::is(Bug::NotJoinedAgain) {
                return Ok(());
            }
            tracing::warn!(member = %me.name, "the lease had ended; joining again");
        }
        if let Err(newer) = self.shared.db.join_member(JoinMember { member: me.clone(), lease_ms }).await? {
            let since = if let Lease::Refused(since) = *lease { since } else { Instant::now() };
            *lease = Lease::Refused(since);
            tracing::error!(member = %me.name, run = %me.incarnation, %newer, "the cluster does not let this run in");
            // one that is dead has no lease by then: it only seems newer, where a clock was set back
            if since.elapsed() > 2 * LEASE {
                tracing::error!(member = %me.name, "a newer run of this process lives, stopping");
                process.stop.cancel();
            }
            return Ok(());
        }
        *lease = Lease::Joined;
        tracing::info!(member = %me.name, link = %me.link, "joined the cluster");
        Ok(())
    }

    /// True when a newer run of the same name is a member: this one was taken for dead, and two of one name
    /// would both play the zones of that name.
    async fn is_replaced(&self) -> Result<bool, Failure> {
        let me = &self.shared.me;
        let members = self.shared.db.cluster_view(ReadClusterView).await?.members;
        Ok(members.iter().any(|member| member.name == me.name && member.incarnation > me.incarnation))
    }

    async fn keep_view(self, process: Process) {
        let mut every = interval(READ_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (began, mut may_need_disk) = (Instant::now(), true);
        loop {
            tokio::select! {
                biased; // a simulation gives the same bytes for the same seed
                () = process.stop.cancelled() => return,
                _ = every.tick() => {}
                () = self.shared.db.cluster_changed() => {
                    self.shared.announced.send_modify(|count| *count = count.wrapping_add(1));
                    sleep(COALESCE).await; // pacing: changes come in bunches
                }
            }
            match self.read().await {
                Ok(Heard { stored, .. }) => {
                    may_need_disk = false;
                    let (found, known) = (stored.table.version, self.view().version);
                    if found < known {
                        tracing::warn!(
                            found,
                            known,
                            "the store's slot table is older than the known one; it holds"
                        );
                    }
                    self.publish(View::new(stored));
                    process.health.ready("cluster", true);
                }
                Err(failure) => {
                    tracing::debug!(%failure, "going on with the last view");
                    if may_need_disk && began.elapsed() >= LEASE {
                        may_need_disk = false;
                        self.start_from_disk(&process).await;
                    }
                }
            }
        }
    }

    /// Takes the last good map on disk for the view. Only who has never heard the arbiter does: whatever it said is
    /// newer, and what it says next replaces this.
    async fn start_from_disk(&self, process: &Process) {
        let maps = self.shared.maps.clone();
        let found = tokio::task::spawn_blocking(move || maps.newest()).await.ok().flatten();
        let Some(Saved { saved_ms, mut view }) = found else {
            tracing::warn!("the arbiter is away, and there is no map on disk to start from");
            return;
        };
        let me = &self.shared.me;
        view.members.retain(|member| member.name != me.name);
        view.members.push(me.clone());
        let (version, members) = (view.table.version, view.members.len());
        tracing::warn!(
            version,
            members,
            saved_ms,
            "the arbiter is away: starting from the last good map on disk"
        );
        self.publish(View::new(view));
        process.health.ready("cluster", true);
    }

    /// Writes each view that has a slot table to disk, at most once a second.
    async fn keep_map(self, process: Process) {
        let mut views = self.watch();
        let mut works = true;
        loop {
            tokio::select! {
                () = process.stop.cancelled() => return,
                changed = views.changed() => if changed.is_err() {
                    return;
                },
            }
            let view = views.borrow_and_update().to_stored();
            if view.table.version == 0 {
                continue;
            }
            let maps = self.shared.maps.clone();
            match tokio::task::spawn_blocking(move || maps.write(view)).await {
                Ok(Ok(())) => works = true,
                Ok(Err(error)) if works => {
                    works = false;
                    tracing::warn!(%error, "the map cannot be written to disk");
                }
                Ok(Err(_)) | Err(_) => {}
            }
            tokio::select! {
                () = process.stop.cancelled() => return,
                () = sleep(RENEW_EVERY) => {} // pacing: what changed meanwhile is written then
            }
        }
    }

    /// Asks the arbiter who is alive and who owns what.
    pub(crate) async fn read(&self) -> Result<Heard, Failure> {
        let stored = self.shared.db.cluster_view(ReadClusterView).await?;
        Ok(self.shared.silence.lock().ends(Instant::now(), &self.view().members, stored))
    }

    fn publish(&self, view: View) {
        for (role, sender) in &self.shared.targets {
            let found = view.members_of(*role).next();
            let target = found.map(|member| Target { name: member.name.clone(), address: member.link });
            sender.send_if_modified(|old| {
                // a role without members keeps its last address: the lease may only be late
                let changed = target.is_some() && *old != target;
                if changed {
                    old.clone_from(&target);
                }
                changed
            });
        }
        self.shared.view.send_if_modified(|old| {
            let changed = **old != view;
            if changed {
                *old = Arc::new(view);
            }
            changed
        });
    }
}
