"""The rules of the design, each with a change of the source that breaks it and the tests that notice."""

from typing import Final

from tests.mutation.mutant import Mutation
from tests.mutation.source import Added, Assigned, Dropped, Edit, OwnEdit, Replaced, Within


def broken(
    rule: str, file: str, inside: str, *edits: Edit | tuple[str, str], by: tuple[str, ...]
) -> Mutation:
    """Return an entry of the table; a tuple replaces its first part by its second one."""
    return Mutation(
        rule=rule,
        file=file,
        inside=inside,
        edits=tuple(Replaced(*edit) if isinstance(edit, tuple) else edit for edit in edits),
        noticed_by=by,
    )


def migration(rule: str, file: str, edit: tuple[str, str], *, by: tuple[str, ...]) -> Mutation:
    """Return an entry of the table for a migration in ``database/migrations/``."""
    return Mutation(rule=rule, file=file, inside="", edits=(Replaced(*edit),), noticed_by=by)


def dropped(line: str) -> Dropped:
    """Drop a statement."""
    return Dropped(line)


def behind(line: str, *more: str) -> Added:
    """Add statements after one, or at the start of a block."""
    return Added(line, more, ahead=False)


def ahead(line: str, *more: str) -> Added:
    """Add statements before one."""
    return Added(line, more, ahead=True)


def assigned(rule: str, file: str, name: str, value: str, *, by: tuple[str, ...]) -> Mutation:
    """Return an entry of the table that assigns another value to a constant."""
    return Mutation(rule=rule, file=file, inside=name, edits=(Assigned(name, value),), noticed_by=by)


def within(inside: str, edit: OwnEdit) -> Within:
    """Edit another function of the same file."""
    return Within(inside, edit)


PIPELINE: Final = "unit/pipeline/test_pipeline.py::test_"
RULES: Final = "unit/pipeline/test_rules.py::test_"
RESTORE: Final = "unit/pipeline/test_after_restore.py::test_"
OPERATOR: Final = "unit/services/test_operator.py::test_"
RELEASED: Final = "unit/database/test_released.py::test_"
DISCORD: Final = "faults/test_d_discord.py::test_"
BALANCE: Final = "unit/pipeline/test_upstream_balance.py::test_"
MAINTENANCE: Final = "unit/pipeline/test_maintenance.py::test_"
JOBS: Final = "unit/store/test_jobs.py::test_"
SCHEMA: Final = "unit/store/test_rules.py::test_"
QUOTAS: Final = "unit/services/test_credits.py::test_"
PRIVACY: Final = "unit/services/test_privacy.py::test_"
ERASURE: Final = "unit/store/test_erasure.py::test_"
SERVER_ERASURE: Final = "unit/store/test_server_erasure.py::test_"
MEMBER_INDEX: Final = "unit/store/test_members.py::test_"
SCRUB: Final = "unit/store/test_scrub.py::test_"
RATINGS: Final = "unit/store/test_ratings.py::test_"
LYRICS: Final = "unit/services/test_lyrics.py::test_"
RATED: Final = "unit/services/test_ratings.py::test_"
SONGS: Final = "unit/services/test_songs.py::test_"
HISTORY: Final = "unit/store/test_history.py::test_"
ALERTS: Final = "unit/pipeline/test_budget_alerts.py::test_"
MEMBERS: Final = "unit/store/test_quotas.py::test_"
TURNS: Final = "unit/store/test_turns.py::test_"
SENDS: Final = "unit/pipeline/test_send_turns.py::test_"
SERVERS: Final = "unit/services/test_intake_servers.py::test_"
LEDGER: Final = "unit/store/test_ledger.py::test_"
CALENDARS: Final = "unit/store/test_calendars.py::test_"
TIMES: Final = "unit/store/test_times.py::test_"
MANAGERS: Final = "flows/test_managers.py::test_"
CHANNELS: Final = "unit/pipeline/test_song_channels.py::test_"
BREAKER: Final = "unit/store/test_breaker.py::test_"
OWNERSHIP: Final = "unit/database/test_ownership.py::test_"
DATABASE: Final = "unit/database/test_sqlite.py::test_"
SHARES: Final = "unit/store/test_shares.py::test_"
SERVER: Final = "unit/database/test_postgresql.py::test_"
HANDED: Final = "unit/services/test_lyrics_payments.py::test_"
OUTCOMES: Final = "unit/database/test_outcomes.py::test_"
CLIENT: Final = "unit/music/test_client.py::test_"
AUDIO: Final = "unit/music/test_audio.py::test_"
MUSIC_HTTP: Final = "faults/test_a_music_http.py::test_"
DOWNLOADS: Final = "faults/test_c_downloads.py::test_"

_SETTLE: Final = "ledger.settle(tx, job.id, now)"
_RELEASE: Final = "ledger.release(tx, job.id, now)"

INTAKE: Final = (
    broken(
        "the credits are held in the transaction that writes the job down",
        "services/acceptance.py",
        "admit",
        ("held, standing = quotas.hold(", "_ = lambda tx: quotas.hold("),
        behind(
            "job_id, price = (jobs.new_id(), terms.price_credits)",
            "from bot.store import ledger; held = ledger.Hold(day=day_number(now), allowance=10, bonus=0); "
            "standing = quotas.standing(tx, origin.guild_id, member, None, terms.defaults, now)",
        ),
        by=(f"{RULES}a_job_whose_credits_cannot_be_held_is_not_stored",),
    ),
    broken(
        "an interaction is taken once, says the intake",
        "services/intake.py",
        "Intake._decide",
        ("jobs.taken(tx, interaction_id) or", ""),
        by=(f"{PIPELINE}a_request_that_arrives_twice_is_one_job",),
    ),
    migration(
        "an interaction is taken once, says the schema",
        "database/migrations/0001_initial.sql",
        ("interaction_id INTEGER NOT NULL UNIQUE", "interaction_id INTEGER NOT NULL"),
        by=(f"{JOBS}an_interaction_becomes_one_job",),
    ),
    broken(
        "a failure is tried again once by each member, says the intake",
        "services/admission.py",
        "_require_reusable",
        ("case Reuse.RETRY if jobs.tried_again(", "case Reuse.RETRY if False and jobs.tried_again("),
        by=(f"{PIPELINE}each_member_retries_a_failure_once",),
    ),
    migration(
        "a failure is tried again once by each member, says the schema",
        "database/migrations/0002_counted_once.sql",
        ("CREATE UNIQUE INDEX job_retried_once", "CREATE INDEX job_retried_once"),
        by=(f"{SCHEMA}the_schema_allows_each_member_one_retry_of_a_failure",),
    ),
    assigned(
        "a job is not begun in the 4 s in which its member is answered",
        "services/pending_answers.py",
        "ANSWER_WITHIN",
        "timedelta(seconds=0)",
        by=(f"{PIPELINE}nothing_is_sent_before_the_member_has_been_answered",),
    ),
    broken(
        "an answer does not bring a job forward that waits for something else",
        "store/job_cards.py",
        "answered",
        ("state = 'queued' AND attempt = 0", "state = 'queued'"),
        by=(f"{JOBS}an_answer_does_not_advance_a_job_that_has_begun_to_wait",),
    ),
    broken(
        "a card whose message goes while it is edited is looked at again",
        "store/job_cards.py",
        "card_shown",
        ("AND COALESCE(card_due_at, :never) = :seen", ""),
        by=(f"{JOBS}a_card_edited_while_its_songs_message_vanishes_is_due_again",),
    ),
    broken(
        "only a queued request is withdrawn",
        "store/jobs.py",
        "withdraw",
        ("WHERE id = :id AND state = 'queued'", "WHERE id = :id"),
        by=(f"{JOBS}a_submitted_request_cannot_be_withdrawn",),
    ),
    broken(
        "a withdrawn request is out of the hands of whoever works on it",
        "store/jobs.py",
        "withdraw",
        ("attempt = attempt + 1, claim_epoch = NULL", "claim_epoch = NULL"),
        by=(f"{JOBS}a_queued_request_is_withdrawn_despite_its_claim",),
    ),
    broken(
        "a withdrawn request gives its credits back in the same transaction",
        "services/intake.py",
        "Intake._withdraw",
        dropped(_RELEASE),
        behind(
            "times = await self._database.write(withdraw)",
            "if times is not None:",
            f"    await self._database.write(lambda tx: {_RELEASE})",
        ),
        by=(f"{RULES}a_request_whose_credits_cannot_be_released_is_not_withdrawn",),
    ),
    broken(
        "nothing is taken while the service is closed",
        "services/admission.py",
        "require_open_service",
        ("if state.closed is not None and until is not None:", "if False:"),
        by=(f"{PIPELINE}a_closed_service_fails_one_job_and_pauses_or_refuses_others",),
    ),
)

CLAIMS: Final = (
    broken(
        "a result counts only under the number of its attempt",
        "store/jobs.py",
        "move",
        ("AND attempt = :_attempt", ""),
        by=(f"{JOBS}an_overtaken_claim_changes_nothing",),
    ),
    broken(
        "a result counts only in the state that it was claimed in",
        "store/jobs.py",
        "move",
        ("AND state = :_state", ""),
        by=(f"{JOBS}a_claim_on_a_past_state_changes_nothing",),
    ),
    broken(
        "a claim counts the attempt up",
        "store/claims.py",
        "claim",
        ("SET attempt = attempt + 1, claim_epoch = :epoch", "SET claim_epoch = :epoch"),
        by=(f"{JOBS}an_overtaken_claim_changes_nothing",),
    ),
    broken(
        "a claim of an earlier epoch is dead",
        "store/claims.py",
        "_FREE",
        ("(claim_epoch IS NULL OR claim_epoch < :epoch)", "claim_epoch IS NULL"),
        by=(f"{JOBS}a_claim_of_an_earlier_epoch_is_invalid_at_once",),
    ),
    broken(
        "a claim of this epoch is left alone",
        "store/claims.py",
        "_FREE",
        ("claim_epoch < :epoch", "claim_epoch <= :epoch"),
        by=(f"{JOBS}a_job_is_claimed_once_in_an_epoch",),
    ),
    broken(
        "each start of the process takes the next epoch",
        "store/claims.py",
        "next_epoch",
        ("CAST(fact.value AS BIGINT) + 1", "CAST(fact.value AS BIGINT)"),
        by=(f"{JOBS}each_start_has_a_larger_epoch",),
    ),
    broken(
        "a song waits for an older one of its channel",
        "store/claims.py",
        "_FREE",
        ("< (job.created_at, job.id)", "< (job.created_at, job.id) AND FALSE"),
        by=(f"{JOBS}a_song_waits_for_an_older_one_in_its_channel",),
    ),
)

SUBMITTING: Final = (
    broken(
        "the alert of a closed service does not quote the member",
        "pipeline/submitting.py",
        "Submitter._closed",
        ("unquoted(job, detail)", "detail"),
        by=("unit/pipeline/test_song_log.py::test_an_alert_does_not_quote_the_request",),
    ),
    broken(
        "the alert of a suspected closure does not quote the member",
        "pipeline/submitting.py",
        "Submitter._suspect",
        ("unquoted(job, detail)", "detail"),
        by=("unit/pipeline/test_song_log.py::test_an_alert_does_not_quote_the_request",),
    ),
    broken(
        "the alert of a service that closes on lyrics does not quote the member",
        "services/lyrics_payments.py",
        "LyricsPayments._conclude",
        ("without_quotes(detail, (about,))", "detail"),
        by=(f"{LYRICS}a_closure_that_quotes_the_topic_does_not_repeat_it",),
    ),
    broken(
        "a line about lyrics not read does not quote the member",
        "services/lyrics.py",
        "Lyricist._wait",
        ("MAY_QUOTE if sent is None else without_quotes(str(error), (sent,))", "str(error)"),
        by=(f"{LYRICS}a_busy_answer_that_quotes_the_topic_does_not_repeat_it",),
    ),
    broken(
        "the commit of submitting comes before the POST",
        "pipeline/submitting.py",
        "Submitter.submit",
        dropped("answer = await self._request(music, request)"),
        ahead(
            "entered = await self._database.write(lambda tx: self._enter(tx, job, request, now))",
            "answer = await self._request(music, request)",
        ),
        by=(f"{PIPELINE}a_process_that_dies_during_the_post_leaves_an_unknown_outcome",),
    ),
    broken(
        "a commit is on the disk before anything else happens",
        "database/sqlite_connections.py",
        "PRAGMAS",
        ('"PRAGMA synchronous = FULL"', '"PRAGMA synchronous = NORMAL"'),
        by=(f"{DATABASE}the_file_has_the_settings_of_the_design",),
    ),
    broken(
        "no song is paid for that can't be stored",
        "pipeline/submitting.py",
        "Submitter._may_be_sent",
        ("if problem is not None:", "if False:"),
        by=("faults/test_e_storage.py::test_a_promised_song_is_only_paid_for_once_there_is_room",),
    ),
    broken(
        "no song is promised that can't be stored",
        "services/acceptance.py",
        "admit",
        ("if incoming.storage_problem is not None:", "if False:"),
        by=("faults/test_e_storage.py::test_a_request_without_room_for_the_song_is_refused_for_free",),
    ),
    broken(
        "nothing is deleted for its age before the clock is confirmed",
        "pipeline/maintenance.py",
        "Maintenance.run",
        dropped("await self._clock_confirmed()"),
        by=("faults/test_g_clock.py::test_nothing_is_deleted_for_its_age_while_the_clock_is_wrong",),
    ),
    broken(
        "a database is locked under any name",
        "database/exclusive_lock.py",
        "exclusive_lock",
        dropped("_lock(handle, path, real)"),
        by=(f"{OWNERSHIP}a_second_process_is_refused_whatever_path_it_uses",),
    ),
    broken(
        "a process whose epoch is over writes nothing",
        "database/ownership.py",
        "Ownership.check",
        ("if not self._still_ours(connection):", "if False:"),
        by=(f"{OWNERSHIP}a_process_whose_database_was_taken_writes_nothing_more",),
    ),
    broken(
        "a process whose file was replaced writes nothing",
        "database/ownership.py",
        "Ownership.check",
        ("if file != self._file:", "if False:"),
        by=(f"{OWNERSHIP}a_process_whose_database_was_taken_writes_nothing_more",),
    ),
    broken(
        "a process that lost its database leaves the new one alone",
        "database/sqlite.py",
        "Database._let_go",
        ("if self._lost is None or", "if self._lost is not None or"),
        by=(f"{OWNERSHIP}a_file_that_replaced_the_database_is_left_untouched",),
    ),
    broken(
        "a transaction that fails leaves nothing behind",
        "database/sqlite_writer.py",
        "_run_inside",
        ('connection.execute("ROLLBACK TO one")', "pass"),
        by=(f"{DATABASE}a_write_that_fails_changes_nothing_and_raises_its_own_error",),
    ),
    broken(
        "a job that is found in submitting is never sent again",
        "pipeline/steps.py",
        "Steps.take",
        ("case JobState.QUEUED:", "case JobState.QUEUED | JobState.SUBMITTING:"),
        by=(f"{PIPELINE}a_process_that_dies_during_the_post_leaves_an_unknown_outcome",),
    ),
    broken(
        "a request whose outcome is unknown is never sent again",
        "pipeline/submitting.py",
        "Submitter.conclude",
        ("await self.unknown(job, detail, heard=True)", "await self._busy(job, queued, wire.Busy(detail))"),
        by=(f"{PIPELINE}an_ambiguous_answer_is_never_sent_again",),
    ),
    broken(
        "an unknown outcome gives the credits back",
        "pipeline/submitting.py",
        "Submitter.unknown",
        (
            "self._transitions.fail(job, FailReason.OUTCOME_UNKNOWN, detail, also=count)",
            'self._transitions.to(job, job.state, due_at=None, parked="unknown")',
        ),
        by=(f"{PIPELINE}an_ambiguous_answer_is_never_sent_again",),
    ),
    broken(
        "a read timeout of the POST is not taken for busy",
        "music/through_httpx.py",
        "_NEVER_LEFT",
        ("httpx.PoolTimeout", "httpx.PoolTimeout, httpx.ReadTimeout"),
        by=(f"{CLIENT}a_request_interrupted_in_flight_has_an_unknown_outcome",),
    ),
    broken(
        "a request that never left is sent again",
        "music/through_httpx.py",
        "_NEVER_LEFT",
        ("httpx.ConnectError,", ""),
        by=(f"{CLIENT}a_request_that_was_never_sent_may_be_retried",),
    ),
    broken(
        "a kept-alive connection is not used for the POST",
        "music/through_httpx.py",
        "ThroughHttpx.open",
        ("httpx.Limits(max_keepalive_connections=0)", "httpx.Limits()"),
        by=(f"{CLIENT}each_post_has_a_connection_of_its_own",),
    ),
    broken(
        "a proxy that breaks off before its tunnel is there proves that nothing was sent",
        "music/proxy.py",
        "ProxiedBackend.connect_tcp",
        ("except _FAILED as error:", "except ZeroDivisionError as error:"),
        by=("unit/music/test_proxy.py::test_without_a_tunnel_nothing_was_sent",),
    ),
    broken(
        "a secret in two places is refused",
        "configuration/sources.py",
        "_add_secret",
        ("if len(places) > 1:", "if False:"),
        by=("unit/test_sources.py::test_a_secret_and_its_file_cannot_both_be_set",),
    ),
    broken(
        "the POST has a deadline in all",
        "music/client.py",
        "MusicClient._pay",
        ("async with asyncio.timeout(POST_S):", "async with asyncio.timeout(None):"),
        by=(f"{CLIENT}a_trickling_answer_is_cut_off_at_the_deadline",),
    ),
    broken(
        "a redirect of the POST is not followed",
        "music/through_httpx.py",
        "ThroughHttpx.open",
        ("follow_redirects=False", "follow_redirects=True"),
        by=(f"{CLIENT}a_redirect_is_not_followed",),
    ),
    broken(
        "at most 4 requests are under way",
        "pipeline/lanes.py",
        "AT_ONCE",
        ("Lane.SUBMITTING: 4", "Lane.SUBMITTING: 5"),
        by=(f"{RULES}at_most_four_requests_are_in_flight",),
    ),
    broken(
        "a request that is under way counts until it has ended",
        "pipeline/runner.py",
        "Runner._look",
        ("self._polls.size) - busy[lane]", "self._polls.size)"),
        by=(f"{RULES}at_most_four_requests_are_in_flight",),
    ),
    assigned(
        "at most 15 requests leave in 10 s",
        "music/contract.py",
        "SUBMITS_MAX",
        "16",
        by=(f"{PIPELINE}at_most_fifteen_requests_are_sent_in_ten_seconds",),
    ),
    broken(
        "one server leaves places in each window to the others",
        "pipeline/submitting.py",
        "_submit_window",
        ("own >= SUBMITS_SHARE and", "False and"),
        by=(f"{RULES}one_server_leaves_places_in_each_window_to_the_others",),
    ),
    assigned(
        "the 16th request leaves 10 s after the first",
        "music/contract.py",
        "SUBMITS_WINDOW",
        "timedelta(seconds=9)",
        by=(f"{RULES}the_sixteenth_request_waits_until_ten_seconds_after_the_first",),
    ),
    broken(
        "a task id that comes while the database is locked is not lost",
        "pipeline/submitting.py",
        "Submitter.submit",
        (
            (
                "await record_durably(partial(self.conclude, entered, job, answer), sleep=self._sleep, "
                "wait_max_s=WRITE_AGAIN_MAX_S)"
            ),
            "await self.conclude(entered, job, answer)",
        ),
        by=(f"{RULES}a_task_id_that_cannot_be_stored_at_once_is_not_lost",),
    ),
    broken(
        "a task that another job has is an unknown outcome",
        "pipeline/submitting.py",
        "Submitter._accepted",
        ("if jobs.task_taken(tx, _backend(job), task_id):", "if False:"),
        by=(f"{RULES}another_jobs_task_is_not_a_bug",),
    ),
    migration(
        "a task belongs to one job, says the schema",
        "database/migrations/0001_initial.sql",
        ("task_id TEXT UNIQUE", "task_id TEXT"),
        by=(f"{JOBS}a_task_belongs_to_one_job",),
    ),
    assigned(
        "a queued request expires after 60 min",
        "pipeline/submitting.py",
        "QUEUE_MAX",
        "timedelta(minutes=120)",
        by=(f"{PIPELINE}a_queued_request_expires_after_an_hour",),
    ),
    assigned(
        "a queued request expires after 10 min without a connection",
        "pipeline/submitting.py",
        "OFFLINE_MAX",
        "timedelta(minutes=20)",
        by=(f"{PIPELINE}a_service_unreachable_for_ten_minutes_fails_the_job",),
    ),
)

CIRCUIT_BREAKER: Final = (
    assigned(
        "the breaker opens after three unknown outcomes",
        "store/breaker.py",
        "UNKNOWN_IN_A_ROW",
        "4",
        by=(f"{BREAKER}three_unclear_answers_in_a_row_open_the_breaker_for_a_minute",),
    ),
    broken(
        "only outcomes that this process heard of count for the breaker",
        "pipeline/submitting.py",
        "Submitter.unknown",
        (
            "opened = heard and breaker.unknown(tx, _backend(job), job, now)",
            "opened = breaker.unknown(tx, _backend(job), job, now)",
        ),
        by=(f"{RULES}outcomes_received_by_no_process_do_not_delay_requests",),
    ),
    broken(
        "one probe at a time goes through",
        "store/breaker.py",
        "admit",
        ("now + PROBE_LEASE)", "now)"),
        by=(f"{BREAKER}one_probe_goes_through_at_a_time",),
    ),
    broken(
        "a closed answer pauses everybody",
        "pipeline/submitting.py",
        "Submitter._closed",
        ("FailReason.CLOSED, detail, also=block, closed=cause)", "FailReason.CLOSED, detail, closed=cause)"),
        by=(f"{PIPELINE}a_closed_service_fails_one_job_and_pauses_or_refuses_others",),
    ),
    broken(
        "the pause holds for those that are queued",
        "pipeline/submitting.py",
        "Submitter._enter",
        ("wait_until = breaker.admit(tx, backend, now)", "pass"),
        by=(f"{MUSIC_HTTP}requests_waiting_for_a_closed_service_are_made_afterwards",),
    ),
    broken(
        "an unclear answer does not lift the pause",
        "store/breaker.py",
        "unknown",
        ("state.closed is not None", "False"),
        by=(f"{BREAKER}an_unclear_answer_does_not_end_a_closure",),
    ),
)

MONEY: Final = (
    broken(
        "a failed job gives its credits back in the same transaction",
        "pipeline/transitions.py",
        "fail",
        dropped(_RELEASE),
        within(
            "Transitions.fail",
            behind(
                "times = await self._database.write(write)",
                f"await self._database.write(lambda tx: {_RELEASE})",
            ),
        ),
        by=(f"{RULES}a_job_whose_credits_cannot_be_released_has_not_failed",),
    ),
    broken(
        "a stored song is settled in the same transaction",
        "pipeline/fetching.py",
        "Fetcher._stored",
        dropped(_SETTLE),
        behind(
            "await self._database.write(store)",
            f"await self._database.write(lambda tx: {_SETTLE})",
        ),
        by=(f"{RULES}a_song_whose_credits_cannot_be_settled_is_not_recorded",),
    ),
    migration(
        "a job is settled or released once, says the schema",
        "database/migrations/0003_limits.sql",
        ("CREATE UNIQUE INDEX ledger_closes_once", "CREATE INDEX ledger_closes_once"),
        by=(f"{LEDGER}a_hold_is_closed_once_whatever_the_code_does",),
    ),
    migration(
        "a job is paid for once, says the schema",
        "database/migrations/0003_limits.sql",
        ("CREATE UNIQUE INDEX ledger_opens_once", "CREATE INDEX ledger_opens_once"),
        by=(f"{LEDGER}a_job_is_paid_for_once",),
    ),
    broken(
        "a grant counts once for its interaction, says the credit service",
        "services/credits.py",
        "CreditService._once",
        ("None if ledger_entries.changed(tx, changed_by) else change(tx)", "change(tx)"),
        by=(f"{PIPELINE}a_grant_that_arrives_twice_counts_once",),
    ),
    migration(
        "a grant counts once for its interaction, says the schema",
        "database/migrations/0003_limits.sql",
        ("CREATE UNIQUE INDEX ledger_changed_once", "CREATE INDEX ledger_changed_once"),
        by=(f"{SCHEMA}a_change_of_credits_counts_once_for_its_interaction",),
    ),
    migration(
        "the ledger is never edited, says the schema",
        "database/migrations/0003_limits.sql",
        ("BEFORE UPDATE ON ledger", "BEFORE UPDATE OF id ON ledger"),
        by=(f"{LEDGER}the_ledger_can_only_be_appended_to",),
    ),
    broken(
        "a release goes back where it came from",
        "store/ledger.py",
        "_give_back",
        ("UPDATE guild SET bonus = bonus + ?", "UPDATE guild SET bonus = bonus + 0 * ?"),
        by=(f"{LEDGER}a_release_returns_to_its_source_whenever_it_happens",),
    ),
)

LIMITS: Final = (
    broken(
        "a member's limit holds within the server's pool",
        "store/quotas.py",
        "hold",
        (
            "if limit is not None and current.limit_is_tightest and",
            "if False and there.limit_is_tightest and",
        ),
        by=(f"{QUOTAS}a_members_concurrent_requests_stay_within_their_limit",),
    ),
    broken(
        "what a member used of the bonus counts in their limit",
        "store/quotas.py",
        "_standing",
        ("COALESCE(SUM(allowance_held + bonus_held), 0)", "COALESCE(SUM(allowance_held), 0)"),
        by=(f"{MEMBERS}a_limit_counts_used_and_held_credits_of_allowance_and_bonus",),
    ),
    broken(
        "a member's own limit comes before those of their roles",
        "store/quotas.py",
        "_limit_of",
        ("if personal is not None:", "if personal is not None and not role_limits(tx, guild_id, role_ids):"),
        by=(f"{MEMBERS}a_members_own_limit_overrides_their_roles",),
    ),
    broken(
        "of a member's roles the highest limit holds",
        "store/quotas.py",
        "_limit_of",
        ("credits_, role_id = max(roles)", "credits_, role_id = min(roles)"),
        by=(f"{MEMBERS}the_highest_limit_of_a_members_roles_applies",),
    ),
    broken(
        "all servers together use no more than the operator's total",
        "services/admission.py",
        "require_total",
        ("and servers.credits_this_month(tx, now) + price_credits > total_max", "and False"),
        by=(
            "unit/services/test_intake_servers.py::test_all_servers_together_use_no_more_than_the_operators_total",
        ),
    ),
    broken(
        "a server that the operator does not serve gets no songs",
        "services/admission.py",
        "require_allowed",
        ("if not servers.is_served(tx, origin.guild_id, terms.server_policy):", "if False:"),
        by=("unit/services/test_intake_servers.py::test_an_unserved_server_is_refused_until_it_is_allowed",),
    ),
    broken(
        "a bonus of a server's managers counts under the operator's ceiling",
        "store/ledger.py",
        "_bonus_under_ceiling",
        ("return beyond + min(bonus - beyond, left)", "return bonus"),
        by=("unit/store/test_servers.py::test_a_bonus_granted_by_managers_counts_under_a_ceiling",),
    ),
    broken(
        "no server uses more than the operator's ceiling",
        "store/ledger.py",
        "pool",
        ("min(allowance, defaults.ceiling), defaults.period", "allowance, defaults.period"),
        by=(f"{MEMBERS}under_a_ceiling_the_lower_limit_and_operators_period_apply",),
    ),
    broken(
        "a paused server takes no new songs",
        "services/admission.py",
        "require_open_service",
        ("if reason is not None:", "if False:"),
        by=(f"{QUOTAS}a_paused_server_accepts_no_requests_and_finishes_its_songs",),
    ),
    migration(
        "a song is refunded once, says the schema",
        "database/migrations/0003_limits.sql",
        ("CREATE UNIQUE INDEX ledger_refunds_once", "CREATE INDEX ledger_refunds_once"),
        by=(f"{SCHEMA}a_song_is_refunded_once",),
    ),
    broken(
        "nothing of another server is refunded",
        "services/credits.py",
        "CreditService.refund",
        ("if jobs.is_of(tx, guild_id, job_id) else None", ""),
        by=(f"{QUOTAS}another_servers_job_is_not_refunded",),
    ),
    migration(
        "a budget alert is sent once a period",
        "database/migrations/0003_limits.sql",
        ("UNIQUE (guild_id, first_day, percent)", "UNIQUE (guild_id, first_day, percent, id)"),
        by=(f"{ALERTS}a_reported_mark_is_not_reported_again_with_the_next_song",),
    ),
    broken(
        "servers take turns",
        "store/queue_order.py",
        "in_turn",
        ("_turn(number, served, at, job_id)", "_turn(0, None, at, job_id)"),
        by=(f"{TURNS}fifty_songs_of_one_server_do_not_delay_the_first_of_another",),
    ),
    broken(
        "the server that was served longest ago comes first",
        "store/queue_order.py",
        "in_turn",
        ("_turn(number, served, at, job_id)", "_turn(number, None, at, job_id)"),
        by=(f"{TURNS}long_queues_elsewhere_do_not_delay_a_new_servers_first_song",),
    ),
    broken(
        "within a server its members take turns",
        "store/queue_order.py",
        "in_turn",
        ("turn + 1 if last == (guild, member) else 1", "1"),
        by=(f"{TURNS}the_members_of_a_server_take_turns",),
    ),
    broken(
        "a claim takes only what is still ripe",
        "store/claims.py",
        "claim",
        ("json_each(:ids)) AND {_RIPE}", "json_each(:ids))"),
        by=(f"{JOBS}a_job_no_longer_due_is_not_claimed",),
    ),
    broken(
        "a late take of an older attempt changes nothing",
        "store/tracks.py",
        "add_track",
        ("AND attempt = :attempt", ""),
        by=("unit/store/test_tracks.py::test_a_late_take_from_an_earlier_attempt_changes_nothing",),
    ),
    broken(
        "a look that finds nothing due writes nothing",
        "pipeline/runner.py",
        "Runner._look_around",
        ("if any(round_.ripe.values()):", "if True:"),
        by=("unit/pipeline/test_scale.py::test_a_round_with_nothing_due_writes_nothing",),
    ),
    broken(
        "results of polls share a transaction",
        "pipeline/transitions.py",
        "Transitions.still_running",
        ("self._polls.write(move)", "self._database.write(move)"),
        by=("unit/pipeline/test_scale.py::test_polls_that_end_together_share_a_transaction",),
    ),
)

COMPOSING: Final = (
    assigned(
        "a task that is not known is waited for in its first 2 min",
        "pipeline/polling.py",
        "NEW_TASK",
        "timedelta(minutes=1)",
        by=(f"{PIPELINE}a_task_that_stays_unknown_is_lost_after_five_minutes",),
    ),
    assigned(
        "a task is lost after 5 misses",
        "pipeline/polling.py",
        "LOST_MISSES",
        "4",
        by=(f"{MUSIC_HTTP}a_task_with_few_misses_is_not_lost_however_old_the_first_is",),
    ),
    assigned(
        "a task is lost after 5 min of misses",
        "pipeline/polling.py",
        "LOST_AFTER",
        "timedelta(minutes=4)",
        by=(f"{PIPELINE}a_task_that_stays_unknown_is_lost_after_five_minutes",),
    ),
    assigned(
        "a success without audio is asked for 6 more times",
        "pipeline/polling.py",
        "EMPTY_MISSES",
        "5",
        by=(f"{PIPELINE}a_success_without_audio_is_queried_again_and_then_fails",),
    ),
    assigned(
        "a song is called slow after 20 min",
        "pipeline/card_facts.py",
        "SLOW_AFTER",
        "timedelta(minutes=10)",
        by=(f"{RULES}a_song_is_called_slow_twenty_minutes_after_its_request",),
    ),
    assigned(
        "a song is parked after 24 h",
        "pipeline/polling.py",
        "PARK_AFTER",
        "timedelta(hours=25)",
        by=(f"{PIPELINE}a_song_is_parked_after_a_day_and_keeps_its_credits",),
    ),
    broken(
        "a single take is looked at once more",
        "pipeline/polling.py",
        "Poller._conclude",
        ("if urls and (len(urls) >= music.contract.usual_takes or job.urls):", "if urls:"),
        by=(f"{PIPELINE}a_single_take_is_posted_after_one_more_look",),
    ),
)

FETCHING: Final = (
    assigned(
        "a second take is waited for for 10 min",
        "pipeline/fetching.py",
        "SECOND_TAKE_MAX",
        "timedelta(minutes=5)",
        by=(f"{PIPELINE}one_take_is_posted_if_the_other_is_missing_for_ten_minutes",),
    ),
    assigned(
        "audio is gone after 6 h",
        "pipeline/fetching.py",
        "AUDIO_MAX",
        "timedelta(hours=5)",
        by=(f"{DOWNLOADS}audio_missing_for_six_hours_is_given_up_and_reported",),
    ),
    broken(
        "equal bytes are one song",
        "pipeline/fetching.py",
        "Fetcher._stored",
        dropped("drop_equal_tracks(tx, job.id)"),
        by=(f"{PIPELINE}equal_bytes_are_one_track",),
    ),
    assigned(
        "at most 4 takes are posted",
        "model.py",
        "TAKES_MAX",
        "5",
        by=(f"{PIPELINE}a_fifth_take_is_left_out",),
    ),
    broken(
        "the bytes of a song are on the disk before it has its name",
        "music/spool.py",
        "Spool.store",
        dropped("await self.threads.run(_flush, file)"),
        by=(f"{AUDIO}a_song_gets_its_name_once_it_is_completely_on_disk",),
    ),
    broken(
        "the name of a song is on the disk before it counts",
        "music/spool.py",
        "_rename",
        dropped("flush(path.parent)"),
        by=(f"{AUDIO}a_song_gets_its_name_once_it_is_completely_on_disk",),
    ),
    broken(
        "a song is written under another name until it is whole",
        "music/spool.py",
        "Spool.store",
        ('part = self.folder / f"{name}.part"', 'part = self.folder / f"{name}.mp3"'),
        by=(f"{AUDIO}a_refused_file_leaves_an_earlier_one_alone",),
    ),
    broken(
        "a download has its most bytes",
        "music/spool.py",
        "_copy",
        ("if size > AUDIO_MAX_BYTES:", "if size > 2 * AUDIO_MAX_BYTES:"),
        by=(
            f"{AUDIO}a_song_of_exactly_the_maximum_size_is_stored",
            f"{AUDIO}an_endless_body_is_cut_at_the_cap",
        ),
    ),
    broken(
        "every address behind a name has to be public",
        "music/guard.py",
        "GuardedBackend.connect_tcp",
        ("all((is_public(", "any((is_public("),
        by=(f"{AUDIO}one_forbidden_address_of_a_name_rules_out_all",),
    ),
    broken(
        "what is connected to is the address that was judged",
        "music/guard.py",
        "GuardedBackend.connect_tcp",
        ("connect_tcp(addresses[-1], port", "connect_tcp(host, port"),
        by=(f"{AUDIO}a_name_is_looked_up_once_and_the_checked_address_is_used",),
    ),
    broken(
        "audio is recognised by its first bytes",
        "music/spool.py",
        "_copy",
        ("if ending is None or size < AUDIO_MIN_BYTES:", "ending = ending or '.mp3'\n    if False:"),
        ("if len(start) >= MAGIC_BYTES and _is_no_audio(start):", "if False:"),
        by=(f"{AUDIO}a_file_that_is_not_audio_is_refused_whatever_its_type",),
    ),
    assigned(
        "at most 5 redirects are followed",
        "music/downloads.py",
        "REDIRECTS_MAX",
        "6",
        by=(f"{AUDIO}too_many_redirects_are_refused",),
    ),
    broken(
        "each hop of a redirect is judged",
        "music/downloads.py",
        "AudioSource._fetch",
        ("if not self._is_usable(url):", "if not _ and not self._is_usable(url):"),
        by=(f"{AUDIO}a_redirect_to_an_unsupported_address_is_refused",),
    ),
)

POSTING: Final = (
    broken(
        "delivering is written down before the send",
        "pipeline/delivery.py",
        "Deliverer._start",
        behind(
            "delivery = Delivery(channel_id=channel_id, direct=direct, started_at=self._now())",
            "if job.state is not message.sending:",
            "    await self._send(job, message, delivery)",
            "    return",
        ),
        by=(f"{RULES}a_song_is_searched_for_after_a_crash_during_its_send",),
    ),
    broken(
        "a direct message is written down before it is sent",
        "pipeline/delivery.py",
        "Deliverer._open_direct",
        (
            "await self._start(job, message, channel_id, direct=True)",
            "await self._send(job, message, replace(job.delivery, channel_id=channel_id))",
        ),
        by=(f"{RULES}a_direct_message_with_a_lost_answer_is_searched_for_first",),
    ),
    broken(
        "a repeated send has the same nonce",
        "pipeline/courier.py",
        "nonce",
        ("{job.id}:{kind}:", "{job.id}:{job.attempt}:{kind}:"),
        by=(f"{PIPELINE}a_send_whose_answer_is_lost_is_repeated_under_its_nonce",),
    ),
    assigned(
        "a send is not repeated 60 s after its start",
        "pipeline/courier.py",
        "SEND_WITHIN",
        "timedelta(seconds=90)",
        by=(f"{PIPELINE}after_a_minute_the_history_is_searched_before_a_resend",),
    ),
    assigned(
        "the history is not asked before 180 s",
        "pipeline/delivery.py",
        "SEND_SETTLED",
        "timedelta(seconds=120)",
        by=(f"{PIPELINE}a_lost_message_is_resent_after_searching_the_history",),
    ),
    broken(
        "the history is asked before a send starts anew",
        "pipeline/delivery.py",
        "Deliverer.go_on",
        (
            "await self._look_then_send(job, message, delivery)",
            "await self._start(job, message, delivery.channel_id, direct=delivery.direct)",
        ),
        by=(f"{PIPELINE}after_a_minute_the_history_is_searched_before_a_resend",),
    ),
    broken(
        "where the history can not be read nothing is posted again",
        "pipeline/delivery.py",
        "Deliverer._look_then_send",
        behind(
            "except NoHistory:",
            "await self._start(job, message, delivery.channel_id, direct=delivery.direct)",
            "return",
        ),
        by=(f"{PIPELINE}without_a_readable_history_a_song_waits_for_a_person",),
    ),
    broken(
        "a message that was posted and deleted is delivered",
        "pipeline/delivery.py",
        "Deliverer._send",
        behind("except AlreadyPosted:", "await self._elsewhere(job, message, delivery)", "return"),
        by=(f"{PIPELINE}a_deleted_message_is_not_posted_again",),
    ),
    broken(
        "a song that may be where it can not be seen goes nowhere else",
        "pipeline/delivery.py",
        "Deliverer._send",
        ("if repeated:", "if False:"),
        by=(f"{RULES}a_song_possibly_in_a_closed_channel_goes_nowhere_else",),
    ),
    broken(
        "a song that a person asks for is looked for first",
        "pipeline/delivery.py",
        "Deliverer.begin",
        ("job.delivery is not None and", "False and"),
        by=(f"{PIPELINE}a_song_posted_unnoticed_is_found_on_request",),
    ),
    broken(
        "a song is posted again only if it could not be posted",
        "store/jobs.py",
        "post_again",
        ("WHERE id = :id AND state = 'undelivered'", "WHERE id = :id"),
        by=(f"{PIPELINE}a_kept_song_is_posted_on_request",),
    ),
    assigned(
        "a card is edited every 5 s at the most",
        "pipeline/cards.py",
        "EDIT_EVERY",
        "timedelta(seconds=4)",
        by=(f"{RULES}a_card_is_edited_at_most_every_five_seconds",),
    ),
)

THE_PROCESS: Final = (
    assigned(
        "a bug is met three times",
        "pipeline/runner.py",
        "BUG_TRIES",
        "2",
        by=(f"{RULES}a_buggy_step_is_tried_three_times",),
    ),
    broken(
        "a bug in a charged job does not fail it",
        "pipeline/steps.py",
        "Steps.give_up",
        (
            'self._transitions.to(job, job.state, due_at=None, parked="bug")',
            "self._transitions.fail(job, FailReason.INTERNAL)",
        ),
        by=(f"{PIPELINE}a_bug_in_one_job_ends_it_as_its_state_allows",),
    ),
    broken(
        "what sends a paid request is loaded before the request is recorded",
        "pipeline/submitting.py",
        "Submitter.submit",
        dropped("await music.prepare()"),
        by=(f"{RULES}what_sends_a_request_is_loaded_before_it_is_recorded",),
    ),
    broken(
        "answers come before songs in progress",
        "pipeline/runner.py",
        "Runner.run",
        ("                await self._give_way()\n", ""),
        by=(f"{RULES}a_round_gives_way_to_more_urgent_work",),
    ),
    broken(
        "a request that is never answered delays no songs for good",
        "services/pending_answers.py",
        "PendingAnswers._expire",
        dropped("self.answered(job_id)"),
        by=(
            "unit/services/test_giving_way.py::test_a_request_that_is_never_answered_delays_no_work_for_good",
        ),
    ),
    broken(
        "songs in progress wait for answers for a moment only",
        "services/pending_answers.py",
        "PendingAnswers.give_way",
        ("self._answered_within(GIVE_WAY_S)", "self._all_answered.wait()"),
        by=("unit/services/test_giving_way.py::test_endless_requests_delay_work_only_briefly",),
    ),
    broken(
        "a runner that stops lets what must not be cut off end",
        "pipeline/runner.py",
        "Runner._drain",
        ("if task not in self._shutdown_guard:", "if True:"),
        by=(
            f"{RULES}a_stopping_runner_finishes_a_paid_request",
            f"{RULES}a_stopping_runner_finishes_a_send",
        ),
    ),
    broken(
        "a paid request must not be cut off",
        "pipeline/submitting.py",
        "Submitter.submit",
        ("with self._shutdown_guard():", "if True:"),
        by=(f"{RULES}a_stopping_runner_finishes_a_paid_request",),
    ),
    broken(
        "a send must not be cut off",
        "pipeline/delivery.py",
        "Deliverer._start",
        ("with self._shutdown_guard():", "if True:"),
        by=(f"{RULES}a_stopping_runner_finishes_a_send",),
    ),
    broken(
        "a runner that was stopped claims nothing",
        "pipeline/runner.py",
        "Runner._claim",
        ("if self._stopping.is_set():", "if False:"),
        by=(f"{RULES}a_stopped_runner_begins_nothing",),
    ),
    broken(
        "a closing bot takes no requests",
        "services/intake.py",
        "Intake._decide",
        ("if self._closing:", "if False:"),
        by=(f"{PIPELINE}a_closing_bot_accepts_no_requests",),
    ),
    broken(
        "files stay in the spool for SPOOL_DAYS",
        "store/tracks.py",
        "files",
        ("AND job.state_since < ? AS over", "AND ? > 0 AS over"),
        by=(f"{MAINTENANCE}files_are_kept_for_the_days_set_by_the_operator",),
    ),
    broken(
        "files of an unfinished job stay in the spool",
        "store/tracks.py",
        "files",
        ("job.state IN ('delivered', 'undelivered', 'explained') AND job.state_since", "job.state_since"),
        by=(f"{MAINTENANCE}files_of_a_song_not_posted_yet_are_kept",),
    ),
    broken(
        "a file that no job knows is left alone for a day",
        "pipeline/maintenance.py",
        "Maintenance._drop_files",
        ("if name not in stored and at < now - STRAY_AFTER", "if name not in stored"),
        by=(f"{MAINTENANCE}a_stray_file_is_removed_when_it_is_old",),
    ),
)

SONG_ARCHIVE: Final = (
    broken(
        "a member looks up songs of this server alone",
        "store/history.py",
        "_SONGS",
        ("WHERE job.guild_id = :guild AND job.member_id", "WHERE job.member_id"),
        by=(f"{HISTORY}members_see_only_their_own_songs_of_this_server",),
    ),
    broken(
        "a member looks up their own songs alone",
        "store/history.py",
        "_SONGS",
        ("AND job.member_id = :member AND", "AND"),
        by=(f"{HISTORY}members_see_only_their_own_songs_of_this_server",),
    ),
    broken(
        "the files of a song are fetched by one at a time",
        "services/songs.py",
        "SongArchive.files",
        (", self._alone(job.id):", ":"),
        by=(f"{SONGS}two_concurrent_requests_for_a_song_fetch_it_once",),
    ),
    broken(
        "a song is not called gone while somebody who may have it is away",
        "services/songs.py",
        "SongArchive._gather",
        dropped("trouble = error"),
        by=(f"{SONGS}a_song_is_not_called_gone_while_a_source_is_unavailable",),
    ),
    broken(
        "a file that is fetched while its song is deleted does not stay",
        "services/songs.py",
        "SongArchive._keep",
        ("if await self._database.write(lambda tx: tracks.found_again(", "if (lambda tx: ("),
        by=(f"{SONGS}a_song_deleted_during_its_fetch_stays_deleted",),
    ),
    broken(
        "an interaction posts a song once",
        "services/songs.py",
        "SongArchive.post",
        ('nonce_of(f"get:{interaction_id}")', 'nonce_of(__import__("secrets").token_hex())'),
        by=(f"{SONGS}a_song_is_posted_once_for_each_interaction_and_no_job_moves",),
    ),
    broken(
        "presses that follow each other send a song once",
        "services/songs.py",
        "SongArchive.send_to",
        ('nonce_of(f"{job.id}:copy:{channel_id}")', 'nonce_of(__import__("secrets").token_hex())'),
        by=(f"{SONGS}a_song_is_sent_once_for_presses_in_quick_succession",),
    ),
)

FORGETTING: Final = (
    broken(
        "what was used before a deletion counts after it",
        "store/members.py",
        "numbers",
        ("if hash_ is None:", "if True:"),
        by=(f"{MEMBER_INDEX}usage_before_a_deletion_counts_after_it",),
    ),
    broken(
        "a deletion lifts no limit that was set",
        "store/members.py",
        "_still_counts",
        ("return limited is not None or counts", "return counts"),
        by=(f"{MEMBER_INDEX}a_deletion_lifts_no_limit",),
    ),
    broken(
        "a server's day does not come back when its zone changes",
        "store/calendars.py",
        "Calendar.today",
        ("return self.earliest if day < self.earliest <= day + DAYS_AHEAD_MAX else day", "return day"),
        by=(f"{CALENDARS}changing_zones_around_the_world_yields_no_extra_song",),
    ),
    broken(
        "a period in progress is not cut short by a zone in which it is over",
        "store/calendars.py",
        "Calendar.in_zone",
        ("self.renews_at(period, now) if is_over else None", "None"),
        by=(f"{CALENDARS}a_change_of_zone_leaves_the_period_in_progress",),
    ),
    broken(
        "a day that has begun does not come back when clocks are set back",
        "store/times.py",
        "day_number",
        ("while now >= start_of(day + 1, zone)", "while False"),
        by=(f"{TIMES}a_day_that_has_begun_does_not_recur",),
    ),
    migration(
        "the total of all servers counts by UTC's days",
        "database/migrations/0007_bounds.sql",
        (
            "WHERE day = (SELECT at / 86400000 FROM ledger WHERE job_id = NEW.job_id AND kind = 'hold')",
            "WHERE day = NEW.day",
        ),
        by=(f"{CALENDARS}a_song_counts_on_the_servers_day_and_the_total_on_utcs",),
    ),
    broken(
        "a member without the permission needs a role that was chosen",
        "ui/managers.py",
        "managed_guild",
        ("raise NotYourServer(", "str("),
        by=(f"{MANAGERS}others_are_refused_by_a_sentence_that_names_the_roles",),
    ),
    broken(
        "a manager by role changes no managers",
        "ui/managers.py",
        "permitted_guild",
        ("if not has_permission(interaction):", "if False:"),
        by=(f"{MANAGERS}a_manager_by_role_cannot_change_managers",),
    ),
    broken(
        "songs are asked for in the channels that were chosen",
        "store/song_channels.py",
        "admitted",
        ("raise WrongChannel(", "str("),
        by=(f"{CHANNELS}a_request_elsewhere_is_refused_and_holds_nothing",),
    ),
    broken(
        "a song that its channel does not take goes to where it was asked for",
        "pipeline/delivery.py",
        "_places",
        (
            "channels = (results, origin.channel_id, origin.parent_channel_id)",
            "channels = (results or origin.channel_id,)",
        ),
        by=(f"{CHANNELS}a_song_falls_back_to_its_request_channel_then_to_the_member",),
    ),
    assigned(
        "a hash is kept until the longest periods of the last use are over",
        "store/members.py",
        "_PERIODS_MAX",
        "(Period.MONTH,)",
        by=(f"{MEMBER_INDEX}a_hash_is_kept_until_the_week_and_month_of_last_use_end",),
    ),
    broken(
        "a hash is kept no longer than it is needed",
        "store/members.py",
        "_still_counts",
        ('row["day"] >= _earliest(tx, row["guild_id"], now)', "True"),
        by=(f"{MEMBER_INDEX}a_hash_is_kept_until_the_week_and_month_of_last_use_end",),
    ),
    broken(
        "a limit that is set anew replaces the one from before a deletion",
        "store/quotas.py",
        "set_member",
        ("in members.numbers(tx, member):", "in [member]:"),
        by=(f"{MEMBER_INDEX}a_limit_set_again_or_cleared_replaces_the_earlier_one",),
    ),
    broken(
        "open songs of who wants to be forgotten finish first",
        "store/erasure.py",
        "waits_for",
        ("return Waits(own=own,", "return Waits(own=0,"),
        by=(f"{PRIVACY}open_songs_finish_before_everything_is_deleted",),
    ),
    broken(
        "the words of a song that is about to be submitted stay until it is",
        "store/erasure.py",
        "_drop_texts",
        ("(member_id = :member OR state IN ('queued', 'submitting'))", "member_id = :member"),
        by=(f"{PRIVACY}another_members_song_is_made_before_the_texts_are_deleted",),
    ),
    broken(
        "the last card of who wants to be forgotten tells how it ended",
        "store/erasure.py",
        "due",
        ("AND card_due_at IS NOT NULL AND state_since > ?", "AND false AND state_since > ?"),
        by=(f"{ERASURE}a_deletion_is_due_once_the_last_song_and_its_card_are_done",),
    ),
    broken(
        "a parked job of who is forgotten gives its credits back",
        "store/erasure.py",
        "release_parked",
        ("ledger.release(tx, row", "None and ledger.release(tx, row"),
        by=(f"{ERASURE}a_parked_job_is_failed_and_its_credits_are_released",),
    ),
    broken(
        "a server that waits to be forgotten gets no new songs",
        "store/servers.py",
        "is_served",
        ("if server_erasure.is_leaving(tx, guild_id):", "if False:"),
        by=(f"{SERVER_ERASURE}unfinished_songs_are_finished_first_and_no_new_ones_started",),
    ),
    broken(
        "a server is forgotten in batches",
        "store/server_erasure.py",
        "erase_batch",
        ("BATCH_MAX", "10_000"),
        by=(f"{SERVER_ERASURE}a_batch_of_an_erasure_is_bounded",),
    ),
    broken(
        "an answer of an overtaken claim is not recorded",
        "store/jobs.py",
        "move",
        ("if answer and _is_claimed(tx, job):", "if answer:"),
        by=("unit/store/test_job_events.py::test_an_answer_to_an_overtaken_claim_is_not_recorded",),
    ),
    broken(
        "an edited text is also of those whose words it still has in it",
        "store/texts.py",
        "_add_text",
        ("if has_words_of(value, text.value)]", "if value == text.value]"),
        by=(f"{ERASURE}a_remix_with_one_changed_line_loses_that_text",),
    ),
    broken(
        "who wrote the words of a remix is known of a remix of it too",
        "store/texts.py",
        "_add_text",
        (
            "UNION SELECT author_id FROM coauthor WHERE text_id IN",
            "EXCEPT SELECT author_id FROM coauthor WHERE text_id IN",
        ),
        by=(f"{ERASURE}a_remix_of_a_remix_is_reached_without_the_song_in_between",),
    ),
    broken(
        "a draft that is a change of somebody's words goes with them",
        "store/erasure.py",
        "_drop_drafts",
        (
            "WHERE member_id = :member OR remix_of IS NOT NULL AND (",
            "WHERE member_id = :member OR false AND (",
        ),
        by=(f"{ERASURE}drafts_with_the_words_are_deleted_and_others_kept",),
    ),
    broken(
        "words of one who leaves are taken up no more",
        "store/texts.py",
        "may_be_taken_up",
        ("return leaving.fetchone() is None", "return True"),
        by=(f"{ERASURE}words_of_a_leaving_member_can_no_longer_be_reused",),
    ),
    broken(
        "who leaves makes no new songs",
        "services/admission.py",
        "require_allowed",
        ("if members.leaving_since(tx, member) is not None:", "if False:"),
        by=(f"{PRIVACY}a_leaving_member_makes_no_new_songs_until_deleted",),
    ),
    assigned(
        "what comes late is not written into a job that was erased",
        "store/jobs.py",
        "NOT_ERASED",
        '"interaction_id <> 0"',
        by=(f"{ERASURE}a_late_id_is_not_written_into_an_erased_job",),
    ),
    broken(
        "the file is scrubbed after a deletion",
        "pipeline/erasure.py",
        "Erasure.scrub",
        dropped("await self._scrub_pages()"),
        by=(f"{PRIVACY}ten_presses_scrub_nothing_and_mark_one_scrub",),
    ),
    broken(
        "a scrub leaves nothing of what was deleted",
        "database/pages.py",
        "blanked",
        ("((pointers_end, content), *spans)", "spans"),
        by=("unit/database/test_sqlite.py::test_a_scrub_blanks_remains_of_deletions_and_changes_no_row",),
    ),
    broken(
        "the writer forgets the pages that a scrub is about to blank",
        "database/sqlite.py",
        "Database.scrub",
        dropped('connection.execute("PRAGMA shrink_memory")'),
        by=("unit/database/test_sqlite.py::test_writes_between_the_parts_of_a_scrub_restore_nothing",),
    ),
    broken(
        "the log is emptied after a deletion",
        "database/sqlite_scrub.py",
        "empty_log",
        ("wal_checkpoint(TRUNCATE)", "wal_checkpoint(PASSIVE)"),
        by=(f"{PRIVACY}texts_names_ids_and_files_are_gone_after_the_next_scrub",),
    ),
    broken(
        "an answer is recorded although who waits for that was canceled",
        "services/batched_writes.py",
        "BatchedWrites.write",
        ("asyncio.shield(self._written)", "self._written"),
        by=("unit/services/test_batched_writes.py::test_a_canceled_callers_write_is_still_made",),
    ),
    broken(
        "a write behind an occupied writer gives up in time",
        "database/sqlite_writer.py",
        "Writer._give_up_at",
        ("loop.call_later(deadline - time.perf_counter(),", "loop.call_later(60.0,"),
        by=("unit/database/test_sqlite.py::test_a_write_queued_behind_a_busy_writer_is_refused_in_time",),
    ),
    broken(
        "every write behind an occupied writer gives up in time",
        "database/sqlite_writer.py",
        "Writer._give_up",
        ("self._give_up_at(loop, entry.deadline)", "pass"),
        by=("unit/database/test_sqlite.py::test_each_write_behind_a_busy_writer_is_refused_at_its_deadline",),
    ),
    broken(
        "answers are recorded once nobody waits for one",
        "services/batched_writes.py",
        "BatchedWrites._flush",
        ("if self._is_quiet(GATHER_S):", "if True:"),
        by=(
            "unit/services/test_batched_writes.py::test_writes_wait_while_others_are_more_urgent_but_not_for_long",
        ),
    ),
    broken(
        "a reply about an answer that can't be read is no reply",
        "ui/interaction_answers.py",
        "_readable",
        ("(AttributeError, LookupError, TypeError, ValueError)", "LookupError"),
        by=("unit/ui/test_interaction_answers.py::test_a_malformed_reply_is_as_good_as_none",),
    ),
    broken(
        "a connection that may have an unread reply is not used again",
        "ui/interaction_answers.py",
        "_exchange",
        (
            "except BaseException:\n        connection.close()",
            "except BaseException:\n        connection.release()",
        ),
        by=("unit/ui/test_interaction_answers.py::test_a_cancelled_answer_leaves_no_connection",),
    ),
    broken(
        "a scrub counts for what was deleted before it began",
        "store/scrub.py",
        "clear",
        ("if fact(tx, of) == value:", "if True:"),
        by=(f"{SCRUB}a_mark_made_during_a_scrub_stays",),
    ),
    broken(
        "files of an erased song are known as long as they may be there",
        "pipeline/erasure.py",
        "Erasure._remove_files",
        ahead("try:", "await self._database.write(lambda tx: rows.files_removed(tx, job_ids))"),
        by=(f"{PRIVACY}files_that_cannot_be_removed_are_retried_and_delay_nothing",),
    ),
    broken(
        "an erasure that fails is tried again later and later",
        "pipeline/erasure.py",
        "Erasure.due",
        ("now < self._not_before:", "False:"),
        by=(f"{PRIVACY}an_erasure_that_fails_is_not_restarted_at_once",),
    ),
    broken(
        "words are kept for WORDS_DAYS",
        "pipeline/maintenance.py",
        "Maintenance._drop_texts",
        ("now - self._keep_texts", "now"),
        by=(f"{MAINTENANCE}words_of_old_songs_are_erased_and_those_of_new_ones_kept",),
    ),
    broken(
        "words of an unfinished job stay",
        "store/texts.py",
        "outlived",
        ("(job.state IN ('delivered', 'explained', 'undelivered') OR job.parked IS NOT NULL)", "true"),
        ("AND job.due_at IS NULL AND job.state_since", "AND job.state_since"),
        by=(f"{ERASURE}texts_of_an_unfinished_job_are_kept_however_old",),
    ),
    broken(
        "a text stays as long as a song is made of it",
        "store/texts.py",
        "drop_songs",
        ("AND id NOT IN ({used})", "AND ({len(wanted)} > 0)"),
        by=(f"{ERASURE}a_text_is_kept_as_long_as_a_younger_song_uses_it",),
    ),
    broken(
        "a file that was written within the hour stays",
        "pipeline/maintenance.py",
        "Maintenance._drop_files",
        ("over - fresh", "over"),
        by=(f"{MAINTENANCE}a_refetched_file_is_kept_for_an_hour_however_old_its_song",),
    ),
)

RESTORED: Final = (
    broken(
        "what came out of a backup is looked for before its first send",
        "pipeline/delivery.py",
        "Deliverer.begin",
        ("if job.restored:", "if False:"),
        by=(f"{RESTORE}a_song_posted_after_the_backup_is_not_posted_again",),
    ),
    broken(
        "what came out of a backup over its send is looked for before the next one",
        "pipeline/delivery.py",
        "Deliverer.go_on",
        ("if job.restored:", "if False:"),
        by=(f"{RESTORE}a_song_not_posted_yet_is_posted_once",),
    ),
    broken(
        "what came out of a backup is looked for up to now",
        "ui/discord_courier.py",
        "DiscordCourier.find",
        ("if not ever and message.created_at", "if message.created_at"),
        by=(f"{DISCORD}a_restored_song_is_found_however_much_later_it_was_posted",),
    ),
    broken(
        "of more messages than are looked through nothing is known",
        "ui/discord_courier.py",
        "DiscordCourier.find",
        ("if ever and count >= EVER_MAX:", "if False:"),
        by=(f"{DISCORD}a_restored_song_behind_too_many_messages_waits_for_a_person",),
    ),
    broken(
        "what can't be looked for is not posted",
        "pipeline/delivery.py",
        "Deliverer._search_then_send",
        behind(
            "except NoHistory:",
            "await self._start(job, message, channel.channel_id, direct=False)",
            "return",
        ),
        by=(f"{RESTORE}a_song_with_an_unreadable_channel_waits_for_a_person",),
    ),
    broken(
        "what came out of a backup is looked for at the member's too",
        "pipeline/delivery.py",
        "Deliverer._search_then_send",
        ("if message_id is None and (direct :=", "if place is None and (direct :="),
        by=(f"{RESTORE}a_song_sent_directly_to_the_member_is_found_there",),
    ),
    broken(
        "a queued request in a backup is not sent",
        "pipeline/after_restore.py",
        "_mark",
        ('fail(tx, job, FailReason.EXPIRED, "", now=now)', "return"),
        by=(f"{RESTORE}a_request_possibly_sent_since_the_backup_is_released",),
    ),
    broken(
        "the log of a running bot is not brought into its file by another process",
        "database/sqlite_connections.py",
        "connect_attached",
        ("PRAGMA wal_autocheckpoint = 0", "PRAGMA wal_autocheckpoint = 1"),
        by=(f"{OPERATOR}the_log_is_left_to_the_running_bot",),
    ),
    broken(
        "the log stays also where the bot ends meanwhile",
        "database/sqlite.py",
        "Database.attach",
        (
            "async with opened(reading, path) as reader, opened(writer, path):",
            "async with opened(writer, path), opened(reading, path) as reader:",
        ),
        by=(f"{OPERATOR}the_log_stays_even_if_the_bot_ends_meanwhile",),
    ),
    broken(
        "a file is copied before its first migration",
        "database/migrating.py",
        "migrate",
        ("if keep and 0 < version < len(steps):", "if False:"),
        by=(f"{RELEASED}an_old_file_is_copied_before_its_migration_for_its_owner_only",),
    ),
    broken(
        "a backup gets its name when it is whole",
        "database/snapshots.py",
        "check",
        ('if finding != "ok":', "if False:"),
        by=("unit/ops/test_backup.py::test_a_damaged_copy_is_not_kept_as_a_backup",),
    ),
    broken(
        "a backup is restored where no bot runs",
        "ops/backup.py",
        "restore",
        ("with exclusive_lock(database, create=False), _errors_as_sentences(", "with _errors_as_sentences("),
        by=("unit/ops/test_backup.py::test_a_restore_is_refused_while_a_bot_runs",),
    ),
    broken(
        "an alert that may have been sent is dropped from a backup",
        "pipeline/after_restore.py",
        "mark",
        dropped("budget_alerts.drop_due(tx)"),
        by=(f"{RESTORE}a_possibly_sent_alert_is_not_sent_again",),
    ),
    broken(
        "who was forgotten after the backup is forgotten in it",
        "pipeline/after_restore.py",
        "mark",
        ("for member in gone:", "for member in gone and ():"),
        by=(f"{RESTORE}a_member_forgotten_after_the_backup_is_forgotten_in_it",),
    ),
    broken(
        "only parked jobs are released or tried again by hand",
        "services/operator.py",
        "_parked",
        ("if not job.parked:", "if False:"),
        by=(f"{OPERATOR}only_parked_jobs_are_released_or_retried",),
    ),
)

BOUNDS: Final = (
    broken(
        "an interaction that was refused stays refused",
        "services/intake.py",
        "Intake._decide",
        ("or self._was_refused(tx, interaction_id)", ""),
        by=(f"{PIPELINE}an_interaction_that_was_refused_stays_refused",),
    ),
    broken(
        "a refusal outlives the process",
        "store/refused_interactions.py",
        "is_refused",
        ("row.fetchone() is not None", "False"),
        by=(f"{PIPELINE}an_interaction_that_was_refused_stays_refused",),
    ),
    broken(
        "a refusal that could not be written down stays one",
        "services/intake.py",
        "Intake._note_refused",
        dropped("self._refused[interaction_id] = None"),
        by=(f"{PIPELINE}a_busy_database_remains_the_answer_to_a_redelivery",),
    ),
    assigned(
        "at most 2 copies are on their way for one member",
        "services/songs.py",
        "COPIES_MAX",
        "3",
        by=(f"{SONGS}the_number_of_a_members_pending_copies_is_bounded",),
    ),
    broken(
        "a copy counts until it has been posted",
        "services/songs.py",
        "SongArchive._one_more_copy",
        dropped("self._copies[member_id] += 1"),
        by=(f"{SONGS}the_number_of_a_members_pending_copies_is_bounded",),
    ),
    broken(
        "sends to one channel go one at a time",
        "pipeline/turns.py",
        "SendTurns.take",
        ("async with channel, guild, self._places:", "async with guild, self._places:"),
        by=(f"{SENDS}sends_to_one_channel_are_made_one_at_a_time_in_order",),
    ),
    broken(
        "waiting for a channel takes no place",
        "pipeline/turns.py",
        "SendTurns.take",
        ("async with channel, guild, self._places:", "async with self._places, channel, guild:"),
        by=(f"{SENDS}waiting_for_a_channel_occupies_no_slot",),
    ),
    broken(
        "one server can't take all places for sends",
        "pipeline/turns.py",
        "SendTurns.take",
        ("async with channel, guild, self._places:", "async with channel, self._places:"),
        by=(f"{SENDS}one_server_with_many_channels_leaves_places_for_the_others",),
    ),
    broken(
        "a job of another server is as if it did not exist",
        "services/intake.py",
        "Intake.with_texts",
        ("is_here = guild_id is None or jobs.is_of(tx, guild_id, job_id)", "is_here = True"),
        by=("flows/test_forged.py::test_another_servers_button_acts_like_one_of_no_song",),
    ),
    broken(
        "an answer that was another process's withdraws the request",
        "ui/responses.py",
        "_answer",
        ("if await _withdrawn(intake.answered_elsewhere, job):", "if job is None:"),
        by=(f"{DISCORD}an_answer_by_another_process_withdraws_the_request_and_alerts",),
    ),
    broken(
        "the operator hears once a month that the total of all servers is reached",
        "store/servers.py",
        "newly_passed",
        ("return passed if passed > recorded else None", "return passed or None"),
        by=(f"{SERVERS}the_operator_is_alerted_monthly_to_the_use_of_the_total",),
    ),
    broken(
        "a bot that does not serve a server opens no form there",
        "ui/discord_client.py",
        "Tree.interaction_check",
        ("if not (checked_later or for_all):", "if False:"),
        by=("flows/test_unserved.py::test_every_command_but_help_and_privacy_is_one_private_sentence",),
    ),
    broken(
        "TOTAL_CREDITS_MAX is checked in the transaction of the hold",
        "services/intake.py",
        "Intake._accept",
        behind(
            "now = self._now()",
            "from bot.services.admission import require_total",
            "price = self.terms.price_credits",
            "await self._database.read(lambda tx: require_total(tx, self.terms, price, now))",
        ),
        within(
            "Intake._decide",
            behind(
                "interaction_id = incoming.origin.interaction_id",
                "from msgspec.structs import replace",
                "unlimited = replace(self.terms, total_credits_max=None)",
            ),
        ),
        within("Intake._decide", Replaced("admit(tx, self.terms,", "admit(tx, unlimited,")),
        by=(f"{SERVERS}all_servers_together_use_no_more_than_the_operators_total",),
    ),
    broken(
        "a server that is not served is refused",
        "services/admission.py",
        "require_allowed",
        ("if not servers.is_served(", "if False and servers.is_served("),
        by=(f"{SERVERS}an_unserved_server_is_refused_until_it_is_allowed",),
    ),
    broken(
        "what the operator says of a server comes before the settings",
        "store/servers.py",
        "is_served",
        ("if row is not None:", "if False:"),
        by=(f"{SERVERS}an_unserved_server_is_refused_until_it_is_allowed",),
    ),
    broken(
        "the breaker needs two members",
        "store/breaker.py",
        "unknown",
        ("opens = is_open or _confirmed(state, one)", "opens = True"),
        by=(f"{BREAKER}one_member_cannot_open_the_breaker_with_any_requests",),
    ),
    broken(
        "the breaker needs two texts",
        "store/breaker.py",
        "Suspect.confirms",
        ("self.text_hash != other.text_hash", "True"),
        by=(f"{BREAKER}the_same_texts_of_many_members_do_not_open_the_breaker",),
    ),
    broken(
        "one member's refusals do not close the service",
        "store/breaker.py",
        "not_open",
        ("if closed or _confirmed(state, one):", "if True:"),
        by=(f"{BREAKER}one_member_cannot_close_the_service",),
    ),
    broken(
        "a suspect refusal closes the service only when it is confirmed",
        "music/client.py",
        "MusicClient.confirms",
        ("isinstance(answer, wire.Rejected)", "True or isinstance(answer, wire.Rejected)"),
        by=("unit/music/test_closure.py::test_a_suspicion_is_confirmed_only_by_the_same_answer",),
    ),
    broken(
        "a compressed answer is decoded up to the cap",
        "music/encodings.py",
        "_inflate",
        ("if len(output) > max_bytes:", "if False:"),
        by=(f"{CLIENT}a_compressed_answer_of_a_megabyte_is_still_read",),
    ),
    broken(
        "a compressed answer costs no memory beyond the cap",
        "music/encodings.py",
        "_inflate",
        (", max_bytes - len(output) + 1)", ")"),
        by=(f"{CLIENT}a_bomb_leaves_the_outcome_open_and_costs_no_memory",),
    ),
    broken(
        "a stream is not taken where another address is",
        "music/audio_addresses.py",
        "audio_urls",
        (
            "(addresses.final, addresses.unsure, addresses.streams)",
            "(addresses.streams, addresses.final, addresses.unsure)",
        ),
        by=("unit/music/test_reading.py::test_the_most_reliable_address_of_a_take_is_used",),
    ),
)

TYPED: Final = (
    broken(
        "a text in which nothing can be seen is empty",
        "characters.py",
        "storable",
        ("'' if is_blank(carried) else ", ""),
        by=("unit/test_characters.py::test_a_text_without_visible_characters_is_empty",),
    ),
    broken(
        "no id of Discord's leaves with a request",
        "services/intake.py",
        "Intake._accept",
        ("request.with_texts(named)", "request"),
        by=("unit/services/test_intake_texts.py::test_no_discord_id_is_sent_with_a_request",),
    ),
    broken(
        "lyrics in a guessed encoding are looked at before they are paid",
        "ui/responses.py",
        "submitted",
        ("if file.guessed", "if False"),
        by=("faults/test_i_members.py::test_lyrics_in_a_guessed_encoding_are_shown_before_they_are_paid",),
    ),
)

FILES: Final = (
    broken(
        "what could not be posted is searched for before another try",
        "pipeline/delivery.py",
        "Deliverer._find_in_channels",
        ("message_id = await self._courier.find(job, message.kind, place, ever=True)", "message_id = None"),
        by=(
            "unit/pipeline/test_undelivered.py::test_a_song_that_arrived_unnoticed_is_found_and_not_reposted",
        ),
    ),
    broken(
        "what could not be posted is tried less often after a day",
        "store/claims.py",
        "look_again",
        ("CASE WHEN created_at > :young THEN :often ELSE :rarely END", ":often"),
        by=(
            "unit/pipeline/test_undelivered.py::test_an_undelivered_song_is_retried_hourly_then_daily_then_not",
        ),
    ),
    broken(
        "a Brotli answer is decoded up to the cap",
        "music/encodings.py",
        "_brotli",
        ("output_buffer_limit=max_bytes + 1", ""),
        by=(f"{CLIENT}a_bomb_leaves_the_outcome_open_and_costs_no_memory",),
    ),
    broken(
        "a Zstandard answer is decoded up to the cap",
        "music/encodings.py",
        "_zstandard",
        (", max_bytes - len(output) + 1)", ")"),
        by=(f"{CLIENT}a_bomb_leaves_the_outcome_open_and_costs_no_memory",),
    ),
    broken(
        "a file that comes back from Discord is stored without words",
        "services/songs.py",
        "SongArchive._from_message",
        dropped("audio = tags.without_words(audio)"),
        by=("faults/test_c_files.py::test_a_copy_from_a_message_is_stored_without_words",),
    ),
    broken(
        "tags never make a file too large",
        "music/tags.py",
        "tagged",
        ("len(choice) + audio_bytes <= max_bytes", "max_bytes"),
        by=("unit/music/test_tags.py::test_a_file_that_would_grow_too_large_loses_its_picture_first",),
    ),
    broken(
        "covers of a song whose files are removed are removed",
        "pipeline/maintenance.py",
        "Maintenance._drop_files",
        ("old | covers_of(written_at.keys(), old) | stray", "old | stray"),
        by=("faults/test_c_files.py::test_covers_stay_as_long_as_their_song",),
    ),
    broken(
        "a chosen length that can not be sent is refused",
        "services/terms.py",
        "Terms.not_taken",
        ("request.custom and request.model in self.duration_models", "True"),
        by=("unit/services/test_intake_length.py::test_a_length_that_cannot_be_sent_is_refused",),
    ),
    broken(
        "no option of a request is ignored",
        "services/terms.py",
        "Terms.require_options",
        ("raise OptionsNotTaken(options)", "return"),
        by=("unit/services/test_intake_options.py::test_all_unavailable_options_are_named",),
    ),
    broken(
        "a queued song with options that the service lacks is not sent",
        "pipeline/submitting.py",
        "Submitter._may_be_sent",
        ("options := self._music.chosen.contract.capabilities.not_taken(request)", "options := ()"),
        by=("unit/pipeline/test_backends.py::test_a_switch_loses_no_option_of_a_queued_song",),
    ),
    broken(
        "a cover is shown only from a public address",
        "ui/cover_urls.py",
        "cover_url",
        ('is_usable(url, "") and _has_public_name(url)', "True"),
        by=("unit/ui/test_cards.py::test_a_cover_is_shown_only_from_a_public_address",),
    ),
)

UPSTREAM_BALANCE: Final = (
    broken(
        "one alert for each crossing of the balance",
        "store/upstream.py",
        "record",
        (" if warning not in before", ""),
        by=(f"{BALANCE}a_low_balance_alerts_once_and_again_after_a_recovery",),
    ),
    broken(
        "TOTAL_CREDITS_MAX bounds what members can still request",
        "store/upstream.py",
        "sold",
        ("left // terms.price", "sum(pools)"),
        by=("unit/store/test_upstream.py::test_the_total_of_all_servers_bounds_the_songs_sold",),
    ),
    broken(
        "a server that is not served can request nothing",
        "store/upstream.py",
        "sold",
        ("if servers.is_served(tx, guild_id, terms.policy)", "if guild_id"),
        by=("unit/store/test_upstream.py::test_only_servers_that_are_served_count",),
    ),
    broken(
        "a balance that can't be read leaves the last one",
        "pipeline/upstream_balance.py",
        "UpstreamBalance.read",
        (
            'if balance is None:\n            raise Transient("no balance in the answer")',
            "balance = balance or 0.0",
        ),
        by=(f"{BALANCE}an_unreadable_balance_leaves_the_last_one",),
    ),
    broken(
        "the balance is read at most once in a while, however many songs are made",
        "pipeline/upstream_balance.py",
        "UpstreamBalance.run",
        dropped("await self._sleep(AFTER_SONG_S)"),
        by=(f"{BALANCE}a_balance_is_read_once_however_many_songs_are_submitted",),
    ),
    broken(
        "a song is followed by a read of the balance",
        "pipeline/upstream_balance.py",
        "UpstreamBalance.moved",
        ("if state in CHARGED:", "if state is None:"),
        by=(f"{BALANCE}a_submitted_song_is_followed_by_a_read",),
    ),
)

ON_A_SERVER: Final = (
    broken(
        "a transaction on a server locks its guild before it looks",
        "store/locking.py",
        "lock_guild",
        ("if not _locks_rows(tx):", "if tx:"),
        by=(f"{SERVER}a_locked_guild_cannot_be_locked_by_other_transactions",),
    ),
    broken(
        "a session that is made again finds its own epoch, or the process ends",
        "database/slots.py",
        "take_up_again",
        ('if row is None or row["epoch"] != held.epoch:', "if row is None:"),
        by=(f"{SERVER}a_process_that_resumes_its_slot_finds_its_own_epoch",),
    ),
    broken(
        "the session of a holder that stands still is ended",
        "database/slots.py",
        "Lookout.look",
        ("if same_s >= self._takeover_s:", "if same_s < 0:"),
        by=(f"{SERVER}a_stalled_holders_session_is_ended",),
    ),
    broken(
        "a slot that was not given back is left to its holder for a while",
        "database/slots.py",
        "Lookout.look",
        ("elif same_s < min(GRACE_S, self._takeover_s / 2):", "elif same_s < 0:"),
        by=(f"{SERVER}an_unreleased_slot_is_left_alone_for_a_while",),
    ),
    broken(
        "processes that were started for different numbers of slots do not work at once",
        "database/slots.py",
        "Lookout.look",
        ("elif slot in locked and row.size != self.size:", "elif row.size < 0:"),
        by=(f"{SERVER}processes_for_two_fleet_sizes_are_kept_apart",),
    ),
    broken(
        "who comes back with another number of slots has lost its own",
        "database/slots.py",
        "take",
        ("SET epoch = epoch + 1, holder = '', size = :size", "SET holder = '', size = :size"),
        by=(f"{SERVER}another_fleet_size_waits_for_a_disconnected_process",),
    ),
    broken(
        "an older schema stays while others work on it",
        "database/postgresql_schema.py",
        "take_slot",
        ("if is_old and slots.locked_slots(tx):", "if is_old and not tx:"),
        by=(f"{SERVER}an_older_schema_is_left_alone_while_others_use_it",),
    ),
    broken(
        "who lost its connection does not come back to a newer schema",
        "database/postgresql_schema.py",
        "take_slot",
        ("slots.dismiss_others(tx, slot)", "pass"),
        by=(f"{SERVER}a_disconnected_process_cannot_return_to_a_newer_schema",),
    ),
    broken(
        "two IDENTIFYs of one bucket are five seconds apart, whoever sends them",
        "database/identify_limit.py",
        "take_turn",
        ("if taken is not None:", "if bucket >= 0:"),
        by=(f"{SERVER}two_shards_of_one_bucket_identify_one_after_the_other",),
    ),
    broken(
        "claims are divided by the slots' servers",
        "store/claims.py",
        "_OURS",
        ("(guild_id >> 22) % :slots = :slot", "(guild_id >> 22) % :slots >= 0"),
        by=(f"{SHARES}each_job_is_claimed_by_the_slot_of_its_server",),
    ),
    broken(
        "slot 0 alone claims what is to be paid for",
        "store/claims.py",
        "_OURS",
        ("THEN :slot = 0", "THEN :slot >= 0"),
        by=(f"{SHARES}jobs_to_be_paid_for_are_only_claimed_by_slot_0",),
    ),
    broken(
        "a process claims its own share",
        "pipeline/runner.py",
        "Runner._claimant",
        (", share=self._database.share", ""),
        by=("unit/pipeline/test_fleet.py::test_slot_0_pays_and_the_servers_own_slot_does_the_rest",),
    ),
    broken(
        "cards are divided by the slots' servers",
        "store/job_cards.py",
        "cards_due",
        ("AND (guild_id >> 22) % :slots = :slot", "AND :slots > :slot"),
        by=(f"{SHARES}each_card_is_edited_by_the_slot_of_its_server",),
    ),
    broken(
        "a stored song whose machine died is fetched again",
        "pipeline/missing_files.py",
        "MissingFiles.fetch",
        ("if all(", "if job.tries == 0 or all("),
        by=("unit/pipeline/test_missing_files.py::test_a_stored_song_is_fetched_again_before_it_is_posted",),
    ),
    broken(
        "a commit whose answer was lost is looked up",
        "database/postgresql_writer.py",
        "Writer._once",
        ("if sign is None or tx.usable or (not self._was_committed(sign)):", "if True:"),
        by=(f"{SERVER}a_commit_whose_answer_is_lost_counts_once",),
    ),
    broken(
        "a standby with a wrong clock takes nothing over",
        "database/postgresql_writer.py",
        "Writer.attempt",
        ("if free:", "if not free:"),
        by=("unit/database/test_clocks.py::test_a_standby_with_a_wrong_clock_takes_nothing_over",),
    ),
    broken(
        "each slot counts songs in rows of its own",
        "database/slots.py",
        "name_writer",
        ("(str(held.slot),)", "('0',)"),
        by=("unit/store/test_totals.py::test_each_slot_counts_in_its_own_rows",),
    ),
    broken(
        "a total that differs from the songs is found",
        "store/reconcile.py",
        "_QUESTIONS",
        ("HAVING SUM(songs) <> 0 OR SUM(credits) <> 0", "HAVING SUM(songs) > 1000000"),
        by=("unit/store/test_totals.py::test_a_wrong_total_is_detected",),
    ),
    broken(
        "a commit of an earlier holder proves nothing about this one's",
        "database/slots.py",
        "take",
        (", signed = 0", ""),
        by=(f"{OUTCOMES}an_earlier_holders_commit_proves_nothing",),
    ),
    broken(
        "no outcome is reported before it is known",
        "database/postgresql_writer.py",
        "Writer._was_committed",
        ("while not self.closing.is_set():", "for _ in range(2):"),
        by=(f"{OUTCOMES}a_commit_is_not_reported_before_its_outcome_is_known",),
    ),
    broken(
        "a request that could not be withdrawn is refused to nobody",
        "ui/responses.py",
        "_withdrawn",
        ("return False", "raise"),
        by=("faults/test_d_discord.py::test_a_request_that_cannot_be_withdrawn_is_not_reported_as_refused",),
    ),
    broken(
        "a second delivery waits for no acceptance of its own",
        "services/intake.py",
        "Intake.accept",
        ("if origin.interaction_id in self.pending:", "if self.pending is None:"),
        by=("unit/services/test_intake_texts.py::test_a_second_delivery_cannot_overtake_an_abandoned_first",),
    ),
    broken(
        "a database that was restored is noticed in each new session",
        "database/postgresql_writer.py",
        "Writer._connect",
        ("            identity.refuse_other(tx)\n", "            pass\n"),
        by=("unit/ops/test_restored.py::test_a_restored_database_is_refused_until_the_operator_accepts_it",),
    ),
    broken(
        "a database that is filled has the books of the file",
        "ops/move.py",
        "_compare",
        ("if before != after:", "if before is after:"),
        by=("unit/ops/test_move.py::test_books_that_differ_stop_the_move",),
    ),
    broken(
        "a file says where its rows go before the server commits",
        "ops/move.py",
        "_commit",
        ("begun = opened.begin(place)", 'begun = moved.Move(token="", place=place)'),
        by=("unit/ops/test_move.py::test_an_interrupted_move_continues_to_the_same_place",),
    ),
    broken(
        "no bot starts on a file that was moved",
        "database/migrating.py",
        "refuse_foreign",
        ("    refuse_moved(connection, path)\n", ""),
        by=("unit/ops/test_move.py::test_no_bot_ever_starts_on_the_file_again",),
    ),
    broken(
        "nothing is paid after a standstill",
        "pipeline/submitting.py",
        "Submitter._request",
        ("if not self._database.may_act():", "if not self._database:"),
        by=("unit/pipeline/test_standstill.py::test_nothing_is_paid_after_a_standstill",),
    ),
    broken(
        "nothing is posted after a standstill",
        "pipeline/transitions.py",
        "Transitions.refuse_to_act_late",
        ("if not self._database.may_act():", "if not self._database:"),
        by=("unit/pipeline/test_standstill.py::test_nothing_is_posted_after_a_standstill",),
    ),
    broken(
        "who was not served yet comes first",
        "store/queue_order.py",
        "_turn",
        ("served is not None, served or 0", "served or 1 << 62"),
        by=(f"{TURNS}every_place_in_the_queue_matches_the_order",),
    ),
)

RATING: Final = (
    broken(
        "a second press takes a rating back",
        "store/ratings.py",
        "rate",
        ('if row is not None and bool(row["liked"]) is liked:', "if False:"),
        by=(f"{RATINGS}a_member_has_one_rating_of_a_song",),
    ),
    broken(
        "a song whose message was deleted is not ranked",
        "store/ratings.py",
        "_with_tallies",
        ("AND message_id IS NOT NULL ", ""),
        by=(f"{RATINGS}a_song_without_a_message_in_the_server_is_not_ranked",),
    ),
    broken(
        "a song that only its member can see is not ranked",
        "store/ratings.py",
        "_with_tallies",
        (" AND delivery_direct = 0", ""),
        by=(f"{RATINGS}a_song_without_a_message_in_the_server_is_not_ranked",),
    ),
    broken(
        "a song of a private thread is not ranked",
        "store/ratings.py",
        "_LIKED",
        (" AND unlisted = 0", ""),
        by=(f"{RATINGS}a_song_rated_in_a_private_thread_is_not_ranked",),
    ),
    migration(
        "a withdrawn rating counts no more",
        "database/migrations/0007_bounds.sql",
        ("likes = likes - OLD.liked,", "likes = likes,"),
        by=(f"{RATINGS}tallies_equal_a_count_of_the_ratings",),
    ),
    migration(
        "a refund is taken off what a member has spent",
        "database/migrations/0007_bounds.sql",
        (
            "% 7, NEW.member_id,\n            (CASE NEW.kind WHEN 'settle' THEN 1 ELSE -1",
            "% 7, NEW.member_id,\n            (CASE NEW.kind WHEN 'settle' THEN 1 ELSE 1",
        ),
        by=("unit/store/test_totals.py::test_spent_credits_are_added_up_by_week_and_month",),
    ),
    broken(
        "a deletion takes the member's ratings",
        "store/erasure.py",
        "erase",
        dropped("ratings.drop_of_member(tx, member)"),
        by=(f"{RATINGS}a_deletion_removes_ratings_of_the_songs_and_by_the_member",),
    ),
    broken(
        "a deletion takes the ratings of the member's songs",
        "store/erasure.py",
        "blank",
        dropped("ratings.drop_of_songs(tx, job_ids)"),
        by=(f"{RATINGS}a_deletion_removes_ratings_of_the_songs_and_by_the_member",),
    ),
    broken(
        "a press that arrives twice counts once",
        "services/ratings.py",
        "Ratings._note",
        dropped("self._presses[interaction_id] = None"),
        by=(f"{RATED}a_press_that_arrives_twice_counts_once",),
    ),
    broken(
        "ratings of a member are bounded in time",
        "services/ratings.py",
        "Ratings._count",
        ("if full:", "if False:"),
        by=(f"{RATED}ratings_of_a_member_are_bounded_in_time",),
    ),
)

WRITING: Final = (
    broken(
        "a request for lyrics is written down before it is sent",
        "services/lyrics.py",
        "Lyricist._begin",
        dropped("lyrics_calls.add(tx, call_id, origin.interaction_id, member, backend, now, about=handed)"),
        by=(f"{LYRICS}the_intent_is_stored_before_the_request_and_survives",),
    ),
    broken(
        "an interaction pays for lyrics once",
        "services/lyrics.py",
        "Lyricist._begin",
        ("if lyrics_calls.taken(tx, origin.interaction_id):", "if False:"),
        by=(f"{LYRICS}an_interaction_that_arrives_twice_is_paid_for_once",),
    ),
    broken(
        "running lyrics are not paid for twice",
        "services/lyrics.py",
        "Lyricist._begin",
        ("if earlier is not None:", "if False:"),
        by=(f"{LYRICS}a_running_request_is_continued_by_the_next_process",),
    ),
    broken(
        "no lyrics are a probe of the music service",
        "services/lyrics.py",
        "Lyricist._admit",
        ("if state.retry_at is not None:", "if False:"),
        by=(f"{LYRICS}a_probe_is_left_to_songs",),
    ),
    broken(
        "a closed account closes the service for songs",
        "services/lyrics_payments.py",
        "LyricsPayments._closed",
        ("news = breaker.block(tx, backend, cause, now)", "news = True"),
        by=(f"{LYRICS}a_closed_account_closes_the_service_and_alerts_once",),
    ),
    broken(
        "the outcome of a request for lyrics is written once the lock is gone",
        "services/lyrics_payments.py",
        "LyricsPayments._write_durably",
        (
            (
                "await record_durably(lambda: self._database.write(write), sleep=self._sleep, "
                "wait_max_s=WRITE_AGAIN_MAX_S)"
            ),
            "await self._database.write(write)",
        ),
        by=(f"{LYRICS}an_outcome_is_stored_even_if_the_database_is_locked",),
    ),
    broken(
        "lyrics of all members are bounded in ten seconds",
        "services/lyrics.py",
        "Lyricist._admit",
        (">= BURST_MAX", ">= 1_000"),
        by=(f"{LYRICS}requests_of_all_members_are_bounded_per_ten_seconds",),
    ),
    broken(
        "a deletion drops lyrics that are on their way",
        "store/erasure.py",
        "erase",
        dropped("lyrics_calls.blank_of_member(tx, member)"),
        by=(f"{LYRICS}a_deletion_meanwhile_drops_the_lyrics",),
    ),
    broken(
        "a deletion gives no fresh hour of lyrics",
        "store/members.py",
        "_still_counts",
        (" or lyrics is not None", ""),
        by=(f"{LYRICS}a_deletion_does_not_reset_the_hourly_limit",),
    ),
    broken(
        "a shutdown waits for lyrics that are paid",
        "services/lyrics_payments.py",
        "LyricsPayments._guarded",
        dropped("self._all_paid.clear()"),
        by=(f"{LYRICS}a_shutdown_waits_for_paid_requests_and_begins_none",),
    ),
    broken(
        "slot 0 alone pays for lyrics",
        "services/lyrics_payments.py",
        "LyricsPayments.task_of",
        ("if not self._database.share.leads:", "if False:"),
        by=(f"{HANDED}lyrics_requested_by_another_slot_are_paid_for_by_slot_0",),
    ),
    broken(
        "what pays for lyrics is loaded before their request is recorded",
        "services/lyrics.py",
        "Lyricist.write",
        dropped("await self._payments.prepare()"),
        by=(f"{LYRICS}what_pays_for_lyrics_is_loaded_before_they_are_recorded",),
    ),
    broken(
        "what pays for another slot's lyrics is loaded before they are claimed",
        "services/lyrics_payments.py",
        "LyricsPayments._pay_for_other",
        dropped("await self.prepare()"),
        by=(f"{HANDED}slot_0_loads_what_pays_before_it_claims_a_request",),
    ),
    broken(
        "lyrics that slot 0 may have paid for are not paid for again",
        "store/lyrics_calls.py",
        "take",
        ("move(tx, call_id, CallState.WANTED, after) and (not is_old)", "not is_old"),
        by=(f"{HANDED}a_kill_of_slot_0_leads_to_at_most_one_payment",),
    ),
    broken(
        "lyrics that nobody waits for any more are not paid for",
        "services/lyrics_payments.py",
        "LyricsPayments._from_leader",
        ("if looks >= WANTED_LOOKS_MAX and", "if looks < 0 and"),
        by=(f"{HANDED}nothing_is_paid_after_the_member_was_refused",),
    ),
    broken(
        "lyrics count in the total of all servers",
        "store/servers.py",
        "credits_this_month",
        (" + lyrics_calls.credits_this_month(tx, now)", ""),
        by=("flows/test_lyrics.py::test_a_request_counts_in_the_total_of_all_servers",),
    ),
)

MUTATIONS: Final = (
    *ON_A_SERVER,
    *INTAKE,
    *CLAIMS,
    *SUBMITTING,
    *CIRCUIT_BREAKER,
    *MONEY,
    *LIMITS,
    *COMPOSING,
    *FETCHING,
    *POSTING,
    *THE_PROCESS,
    *SONG_ARCHIVE,
    *FORGETTING,
    *RATING,
    *WRITING,
    *RESTORED,
    *BOUNDS,
    *TYPED,
    *FILES,
    *UPSTREAM_BALANCE,
)
