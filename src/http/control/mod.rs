//! The control API, `/_emulator/…`: what a test asks of the emulator itself. JSON; an answer carries the new state and leaves
//! once that is kept.

pub(super) mod contents;
pub(super) mod context;
pub(super) mod documents;
pub(super) mod faults;
pub(super) mod journal;
pub(super) mod requests;
pub(super) mod snapshots;
pub(super) mod state;
pub(super) mod transitions;
mod words;

use crate::engine::FaultDocument;
use crate::http::context::{bulky_route, streaming_route};
use crate::http::control::context::{authorize, changed, changes, reads};
use crate::http::control::documents::MAX_SEED_BYTES;
use crate::http::control::journal::JournalFilter;
use crate::http::route::{DELETE, GET, Operation, PATCH, POST, PUT, RouteEntry, Tag, flag, open, text};

/// Returns the routes.
#[expect(clippy::too_many_lines, reason = "one row an operation")]
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag {
        name: "The emulator itself",
        about: "Its clock, faults, rules, ids, state and journal, under the control of a test.",
    };
    const JSON: &str = "application/json";
    const SNAPSHOTS: Operation = open("emulator_snapshots");
    const CONTENTS: Operation = open("emulator_contents");
    const CLOCK: Operation = open("emulator_clock");
    const TRANSITIONS: Operation = open("emulator_transitions");
    const FAULTS: Operation = open("emulator_faults");
    const IDS: Operation = open("emulator_ids");
    const REQUESTS: Operation = open("emulator_requests");
    TAG.control_routes([
        open("emulator_health")
            .summary("Tells whether the emulator is well")
            .at(GET, "/_emulator/health", reads(state::health))
            .at(GET, "/_localstack/health", reads(state::health))
            .answers_any(200, JSON),
        open("emulator_info")
            .summary("Tells version, database, uptime, and how much there is")
            .at(GET, "/_emulator/info", reads(state::info))
            .answers_any(200, JSON),
        open("emulator_config")
            .summary("Shows each setting with its value and where that comes from")
            .at(GET, "/_emulator/config", reads(state::config))
            .answers_any(200, JSON),
        open("emulator_ca")
            .summary("Shows the certificate of the authority that makes the certificates of HTTPS")
            .at(GET, "/_emulator/ca", reads(state::certificate_authority))
            .answers_any(200, state::PEM),
        open("emulator_operations")
            .summary("Lists every operation by its stable name, with its routes")
            .at(GET, "/_emulator/operations", reads(state::operations))
            .answers_any(200, JSON),
        open("emulator_reset")
            .summary("Empties everything or a project, and applies the seeds of the start again")
            .at(POST, "/_emulator/reset", changes(documents::reset))
            .at(POST, "/moto-api/reset", changes(documents::reset))
            .takes::<documents::ResetBody>()
            .answers_any(200, JSON),
        open("emulator_seed")
            .summary("Applies a seed document, in YAML or JSON")
            .at(
                POST,
                "/_emulator/seed",
                bulky_route(MAX_SEED_BYTES, authorize, |request, body| {
                    changed(documents::seed, request, body)
                }),
            )
            .query(&[flag("overwrite", "Whether it is applied to what is there already, too.")])
            .takes_any("application/yaml")
            .answers_any(200, JSON),
        open("emulator_export")
            .summary("Writes the state down as a seed that brings it back")
            .at(GET, "/_emulator/export", reads(documents::export))
            .query(&[text("project_id", "Only this project.")])
            .answers_any(200, JSON),
        SNAPSHOTS
            .summary("Lists the snapshots")
            .at(GET, "/_emulator/snapshots", reads(snapshots::list))
            .answers_any(200, JSON),
        SNAPSHOTS
            .summary("Shows a snapshot")
            .at(GET, "/_emulator/snapshots/{snapshot_name}", reads(snapshots::show))
            .answers_any(200, JSON),
        SNAPSHOTS
            .summary("Takes a snapshot, in place of one that has that name")
            .at(PUT, "/_emulator/snapshots/{snapshot_name}", changes(snapshots::take))
            .answers_any(200, JSON),
        SNAPSHOTS
            .summary("Downloads the file of a snapshot: a SQLite database")
            .at(GET, "/_emulator/snapshots/{snapshot_name}/file", reads(snapshots::download))
            .answers_any(200, snapshots::SQLITE),
        SNAPSHOTS
            .summary("Makes a snapshot of a file, in place of one that has that name")
            .at(PUT, "/_emulator/snapshots/{snapshot_name}/file", streaming_route(snapshots::upload))
            .takes_any(snapshots::SQLITE)
            .answers_any(200, JSON),
        SNAPSHOTS
            .summary("Removes a snapshot")
            .at(DELETE, "/_emulator/snapshots/{snapshot_name}", changes(snapshots::remove))
            .answers_any(200, JSON),
        SNAPSHOTS
            .summary("Goes back to a snapshot")
            .at(POST, "/_emulator/snapshots/{snapshot_name}/restore", changes(snapshots::restore))
            .answers_any(200, JSON),
        CONTENTS
            .summary("Shows what an instance holds")
            .at(GET, "/_emulator/instances/{instance_id}/contents", reads(contents::show))
            .answers_any(200, JSON),
        CONTENTS
            .summary("Declares what an instance holds: keys, sessions, rows of its logs")
            .at(
                PUT,
                "/_emulator/instances/{instance_id}/contents",
                bulky_route(contents::MAX_CONTENTS_BYTES, authorize, |request, body| {
                    changed(contents::declare, request, body)
                }),
            )
            .takes_any(JSON)
            .answers_any(200, JSON),
        CLOCK
            .summary("Shows what the clock shows")
            .at(GET, "/_emulator/clock", reads(state::show_clock))
            .answers::<state::ClockView>(),
        CLOCK
            .summary("Sets, freezes or paces the clock")
            .at(PUT, "/_emulator/clock", changes(state::set_clock))
            .takes::<state::SetBody>()
            .answers::<state::ClockView>(),
        CLOCK
            .summary("Moves the clock forward; what is due then is done when it answers")
            .at(POST, "/_emulator/clock/advance", changes(state::advance_clock))
            .takes::<state::AdvanceBody>()
            .answers::<state::Advanced>(),
        TRANSITIONS
            .summary("Shows the rules about what moves a model on; without one the settings hold")
            .at(GET, "/_emulator/transitions/{model}", reads(transitions::show))
            .query(transitions::SCOPE)
            .answers::<transitions::RulesView>(),
        TRANSITIONS
            .summary("Makes a rule about what is to come")
            .at(PUT, "/_emulator/transitions/{model}", changes(transitions::set))
            .takes::<transitions::RuleBody>()
            .answers::<transitions::RulesView>(),
        TRANSITIONS
            .summary("Removes a rule; the one about everything unless something is said")
            .at(DELETE, "/_emulator/transitions/{model}", changes(transitions::remove))
            .query(transitions::SCOPE)
            .answers::<transitions::RulesView>(),
        TRANSITIONS
            .summary("Moves what is open one step on, due or not")
            .at(POST, "/_emulator/transitions/{model}/step", changes(transitions::step))
            .takes::<transitions::ScopeBody>()
            .answers::<transitions::Stepped>(),
        FAULTS
            .summary("Lists the faults that are not over")
            .at(GET, "/_emulator/faults", reads(faults::list))
            .query(faults::LIMITS)
            .answers::<faults::FaultsView>(),
        FAULTS
            .summary("Makes a fault: calls that match go wrong")
            .at(POST, "/_emulator/faults", changes(faults::create))
            .takes::<FaultDocument>()
            .answers::<FaultDocument>(),
        FAULTS
            .summary("Removes faults")
            .at(DELETE, "/_emulator/faults", changes(faults::clear))
            .query(faults::LIMITS)
            .answers::<faults::FaultsView>(),
        FAULTS
            .summary("Shows a fault")
            .at(GET, "/_emulator/faults/{fault_id}", reads(faults::show))
            .answers::<FaultDocument>(),
        FAULTS
            .summary("Changes what the body names of a fault (RFC 7396)")
            .at(PATCH, "/_emulator/faults/{fault_id}", changes(faults::change))
            .takes_any("application/json")
            .answers::<FaultDocument>(),
        FAULTS
            .summary("Removes a fault")
            .at(DELETE, "/_emulator/faults/{fault_id}", changes(faults::remove))
            .answers::<faults::FaultsView>(),
        IDS.summary("Shows from which seed ids follow")
            .at(GET, "/_emulator/ids", reads(state::show_ids))
            .answers::<state::IdsBody>(),
        IDS.summary("Lets ids follow from a seed, or, with null, not any more")
            .at(PUT, "/_emulator/ids", changes(state::set_ids))
            .takes::<state::IdsBody>()
            .answers::<state::IdsBody>(),
        REQUESTS
            .summary("Lists the calls that came lately")
            .at(GET, "/_emulator/requests", reads(requests::list))
            .query(requests::FILTER)
            .answers::<requests::RequestsView>(),
        REQUESTS
            .summary("Forgets calls; tells how many are left")
            .at(DELETE, "/_emulator/requests", reads(requests::clear))
            .query(requests::FILTER)
            .answers::<requests::CountView>(),
        REQUESTS
            .summary("Finds calls")
            .at(POST, "/_emulator/requests/find", reads(requests::find))
            .takes::<JournalFilter>()
            .answers::<requests::RequestsView>(),
        REQUESTS
            .summary("Counts calls")
            .at(POST, "/_emulator/requests/count", reads(requests::count))
            .takes::<JournalFilter>()
            .answers::<requests::CountView>(),
        REQUESTS
            .summary("Waits until enough calls have come, or the time is over")
            .at(POST, "/_emulator/requests/wait", reads(requests::wait))
            .takes::<requests::WaitBody>()
            .answers::<requests::Waited>(),
        REQUESTS
            .summary("Lists the calls for which there is no operation")
            .at(GET, "/_emulator/requests/unsupported", reads(requests::unsupported))
            .query(requests::FILTER)
            .answers::<requests::RequestsView>(),
    ])
}
