"""The tables that SQL over a trace can use: names, columns with types and units, and how each is made from `events`.

`events` is what stands in the file; everything else is a view of it, so that a query costs what it uses. A view takes
what it needs from the events' JSON by `try_cast`: what another writer made of it gives null, not an error.
"""

from attrs import frozen


@frozen
class Column:
    """A column.

    Attributes:
        name: its name; never one of SQL's own words.
        kind: its type in DuckDB.
        meaning: what it is, with its unit.
    """

    name: str
    kind: str
    meaning: str


@frozen
class Table:
    """A table or view.

    Attributes:
        name: its name.
        meaning: what a row is.
        columns: in their order.
        query: how a view is made; empty for a table.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    query: str = ""


def _columns(text: str) -> tuple[Column, ...]:
    """A line a column: name, type, meaning."""
    rows = (line.split(maxsplit=2) for line in text.strip().splitlines())
    return tuple(Column(name, kind, meaning) for name, kind, meaning in rows)


MACROS = (
    # The command's operation: `op.3` of `op.3.1`.
    "create macro whole(op) as regexp_extract(op, '^[^.]*[.][^.]*')",
    "create macro number(fields, name) as try_cast(json_extract_string(fields, name) as bigint)",
)

TABLES: tuple[Table, ...] = (
    Table(
        "events",
        "an event, in the order of the file",
        _columns("""
            seq BIGINT its number, from 1
            t BIGINT when: ns of the run clock
            actor VARCHAR who told it
            event VARCHAR its name in the vocabulary (lparvm trace vocabulary)
            op VARCHAR the operation it belongs to
            cause BIGINT number of the event that caused it
            step SMALLINT the patent's step, 201 to 211
            fields JSON its own fields: fields->>'lpar', (fields->>'pages')::bigint
        """),
    ),
    Table(
        "trace",
        "the run: one row, from header and trailer",
        _columns("""
            scenario VARCHAR its name
            seed BIGINT what seeded it
            clock VARCHAR real or virtual
            level VARCHAR what the file holds: protocol, io or storage
            verdict VARCHAR what the run said at its end
            cut_off BOOLEAN the file ends before the trace does
            header JSON the first line
            trailer JSON the last line
        """),
    ),
    Table(
        "operations",
        "a command of the operator",
        _columns("""
            op VARCHAR its operation
            text VARCHAR as it was given
            lpars VARCHAR[] LPARs that went through its phases, sorted
            given_ns BIGINT when it was received: ns of the run clock
            answered_ns BIGINT when it was answered: ns of the run clock
            duration_ns BIGINT from the one to the other: ns
            result VARCHAR the result's name
            code VARCHAR the message's id
            message VARCHAR the message
            stopped_ns BIGINT of the LIP that stood longest: ns
            pages HUGEINT pages moved forth, and those of exchanges: frames that got new contents
        """),
        """
        with answers as (
            select op, t, fields from events where event = 'command.answered'
            qualify row_number() over (partition by op order by seq) = 1
        ), lpars as (
            select whole(op) as op, list_sort(list(distinct fields->>'lpar')) as lpars
            from events where event = 'phase.entered' group by all
        ), stops as (
            select whole(op) as op, max(number(fields, 'stopped_ns')) as stopped_ns
            from events where event = 'guest.stood' group by all
        ), chunks as (
            select whole(op) as op,
                sum(number(fields, case event when 'chunk.moved' then 'pages' else 'keys_set' end)) as pages
            from events where event in ('chunk.moved', 'chunk.exchanged') and fields->>'inverse' = 'false' group by all
        )
        select c.op, c.fields->>'text' as text, lpars, c.t as given_ns, a.t as answered_ns, a.t - c.t as duration_ns,
            a.fields->>'result' as result, a.fields->>'code' as code, a.fields->>'message' as message, stopped_ns, pages
        from events as c
        left join answers as a on a.op = c.op left join lpars on lpars.op = c.op
        left join stops on stops.op = c.op left join chunks on chunks.op = c.op
        where c.event = 'command.received' order by c.seq
        """,
    ),
    Table(
        "phases",
        "a phase of an operation, of each of its LPARs",
        _columns("""
            op VARCHAR its operation, or the part of one
            lpar VARCHAR the LPAR
            phase VARCHAR its name
            step SMALLINT the patent's step
            entered_ns BIGINT ns of the run clock
            left_ns BIGINT when the next one was entered: ns of the run clock; null for the last one
            duration_ns BIGINT from the one to the other: ns
            seq BIGINT number of the event
        """),
        """
        select op, fields->>'lpar' as lpar, fields->>'phase' as phase, step, t as entered_ns, lead(t) over w as left_ns,
            lead(t) over w - t as duration_ns, seq
        from events where event = 'phase.entered'
        window w as (partition by op, fields->>'lpar' order by seq) order by seq
        """,
    ),
    Table(
        "messages",
        "a message between actors",
        _columns("""
            seq BIGINT number of the event
            t BIGINT when it was sent: ns of the run clock
            sender VARCHAR who sent it
            receiver VARCHAR who got it
            kind VARCHAR its name
            op VARCHAR its operation
            cause BIGINT number of the event that caused it
            lpar VARCHAR the LPAR that it is about
            fields JSON its own fields
        """),
        """
        select seq, t, actor as sender, fields->>'to' as receiver, event as kind, op, cause, fields->>'lpar' as lpar,
            fields
        from events where not contains(event, '.') and json_exists(fields, '$.to') order by seq
        """,
    ),
    Table(
        "moves",
        "a run of the page mover, forth or back",
        _columns("""
            op VARCHAR its operation
            lpar VARCHAR the LPAR
            inverse BOOLEAN a move back
            source_frame BIGINT page 0's, where pages come from: host absolute frame
            target_frame BIGINT page 0's, where pages go to: host absolute frame
            pages BIGINT pages to be moved
            direction VARCHAR ascending or descending
            started_ns BIGINT ns of the run clock
            ended_ns BIGINT ns of the run clock
            outcome VARCHAR moved, interrupted, fault or failed
            pages_across BIGINT pages across at its end
        """),
        """
        select s.op, s.fields->>'lpar' as lpar, try_cast(s.fields->>'inverse' as boolean) as inverse,
            number(s.fields, 'source_frame') as source_frame, number(s.fields, 'target_frame') as target_frame,
            number(s.fields, 'pages') as pages, s.fields->>'direction' as direction, s.t as started_ns, e.t as ended_ns,
            e.fields->>'outcome' as outcome, number(e.fields, 'pages_across') as pages_across
        from events as s left join events as e on e.event = 'move.ended' and e.cause = s.seq
        where s.event = 'move.started' order by s.seq
        """,
    ),
    Table(
        "stops",
        "how long a LIP's guest stood still for an operation",
        _columns("""
            op VARCHAR its operation
            lpar VARCHAR the LPAR
            lip VARCHAR the LIP
            stopped_ns BIGINT from leaving SIE to SIE at the new origin: ns
            phases JSON the same by phase: ns, they add up
            told_ns BIGINT when it was told: ns of the run clock
        """),
        """
        select op, fields->>'lpar' as lpar, fields->>'lip' as lip, number(fields, 'stopped_ns') as stopped_ns,
            fields->'phases_ns' as phases, t as told_ns
        from events where event = 'guest.stood' order by seq
        """,
    ),
    Table(
        "io",
        "a start of a channel program (levels io and storage)",
        _columns("""
            lpar VARCHAR the LPAR
            activation BIGINT which activation of the LPAR, from 1: starts are counted in each
            start BIGINT number of the start
            device VARCHAR device number, hex
            iop VARCHAR where it ended
            accepted_ns BIGINT ns of the run clock
            begun_ns BIGINT ns of the run clock
            ended_ns BIGINT ns of the run clock
            function VARCHAR what ended it: START, HALT or CLEAR
            device_status BIGINT device status
            subchannel_status BIGINT subchannel status
            held BIGINT how often it was held, while its LPAR was quiescing
            deferred BIGINT how often it was deferred, at a device that was busy or reserved
            transfers BIGINT parts in which its transfers were told
            bytes HUGEINT bytes transferred
            fetches HUGEINT accesses to storage that fetched
            stores HUGEINT accesses to storage that stored
        """),
        """
        with facts as (
            select *, fields->>'lpar' as lpar, number(fields, 'start') as start,
                sum((event = 'lpar.activated')::bigint) over (partition by fields->>'lpar' order by seq) as activation
            from events
            where event in ('lpar.activated', 'start.accepted', 'start.begun', 'start.ended', 'start.held',
                'start.deferred', 'transfer.ended')
        )
        select lpar, activation::bigint as activation, start, first(fields->>'device' order by seq) as device,
            any_value(fields->>'iop') filter (event = 'start.ended') as iop,
            min(t) filter (event = 'start.accepted') as accepted_ns, min(t) filter (event = 'start.begun') as begun_ns,
            min(t) filter (event = 'start.ended') as ended_ns,
            any_value(fields->>'function') filter (event = 'start.ended') as function,
            any_value(number(fields, 'device_status')) filter (event = 'start.ended') as device_status,
            any_value(number(fields, 'subchannel_status')) filter (event = 'start.ended') as subchannel_status,
            count(*) filter (event = 'start.held') as held, count(*) filter (event = 'start.deferred') as deferred,
            count(*) filter (event = 'transfer.ended') as transfers,
            sum(number(fields, 'bytes')) filter (event = 'transfer.ended') as bytes,
            sum(number(fields, 'fetches')) filter (event = 'transfer.ended') as fetches,
            sum(number(fields, 'stores')) filter (event = 'transfer.ended') as stores
        from facts where event <> 'lpar.activated' group by lpar, activation, start order by min(seq)
        """,
    ),
    Table(
        "guests",
        "a life of a guest, from IPL to its final check",
        _columns("""
            lpar VARCHAR the LPAR
            life BIGINT which one of the LPAR's, from 1
            guest VARCHAR the guest's name
            loaded_ns BIGINT ns of the run clock
            verified_ns BIGINT when it had its final check: ns of the run clock
            steps BIGINT steps of work done and verified
            damage BIGINT damage found by the final check
            damaged BIGINT damage told
            slices BIGINT time slices (levels io and storage)
            instructions HUGEINT instructions in them
            fetches HUGEINT accesses in them that fetched
            stores HUGEINT accesses in them that stored
        """),
        """
        with facts as (
            select *, fields->>'lpar' as lpar,
                sum((event = 'guest.loaded')::bigint) over (partition by fields->>'lpar' order by seq) as life
            from events where event in ('guest.loaded', 'guest.verified', 'guest.damaged', 'slice.ended')
        )
        select lpar, life::bigint as life, any_value(fields->>'guest') filter (event = 'guest.loaded') as guest,
            min(t) filter (event = 'guest.loaded') as loaded_ns,
            min(t) filter (event = 'guest.verified') as verified_ns,
            any_value(number(fields, 'steps')) filter (event = 'guest.verified') as steps,
            any_value(number(fields, 'damage')) filter (event = 'guest.verified') as damage,
            count(*) filter (event = 'guest.damaged') as damaged, count(*) filter (event = 'slice.ended') as slices,
            sum(number(fields, 'instructions')) filter (event = 'slice.ended') as instructions,
            sum(number(fields, 'fetches')) filter (event = 'slice.ended') as fetches,
            sum(number(fields, 'stores')) filter (event = 'slice.ended') as stores
        from facts group by lpar, life order by min(seq)
        """,
    ),
    Table(
        "accesses",
        "an access of a guest to storage (level storage)",
        _columns("""
            seq BIGINT number of the event
            t BIGINT when: ns of the run clock
            lpar VARCHAR the LPAR
            lip VARCHAR the LIP
            access VARCHAR fetch, store or key
            address BIGINT guest absolute address
            host BIGINT host absolute address
            bytes BIGINT bytes
        """),
        """
        select seq, t, fields->>'lpar' as lpar, fields->>'lip' as lip, fields->>'access' as access,
            number(fields, 'address') as address, number(fields, 'host') as host, number(fields, 'bytes') as bytes
        from events where event = 'storage.accessed' order by seq
        """,
    ),
)
