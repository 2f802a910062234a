"""The limits of the machine, each named, with its unit last in the name.

What a scenario may set stands in `scenario.py`; here is what bounds it.
"""

# Main storage. 2^28 frames are 1 TiB: more than any address space that can be reserved lazily needs.
MAIN_STORAGE_FRAMES_MAX = 1 << 28

# Expanded storage, of all LPARs together: 2^24 blocks are 64 GiB, as much as a machine ever had.
EXPANDED_STORAGE_BLOCKS_MAX = 1 << 24

# The machine's parts. Names are short because they head columns and lanes.
LPARS_MAX = 64
LIPS_MAX = 64
IOPS_MAX = 16
DEVICES_MAX = 256
NAME_CHARACTERS_MAX = 16

# Operations under way at once, over all LPARs. A further command is refused, not queued.
OPERATIONS_MAX = 64

# The page mover. A chunk is what is copied between two looks at a cancel; see storage/mover.py.
MOVE_CHUNK_PAGES_MAX = 4096
MOVE_PARALLEL_PAGES_MIN = 64
# The same under the real clock, where threads copy; see storage/copying.py. Fewer pages than the second are
# copied before a thread is started.
MOVE_COPY_PAGES_MAX = 65_536
MOVE_HELPED_PAGES_MIN = 8192
MOVE_THREADS_MAX = 16
# An exchange of zones: the one buffer that pages go through, which its threads share. From 64 to 512 KiB a thread
# are equally fast; 1 MiB no longer stays in a core's cache, and in smaller pieces the calls cost more than the copies.
EXCHANGE_BUFFER_BYTES = 512 << 10
# What a chunk of an exchange tells stays short, also where one zone is tiny and its runs are.
EXCHANGE_RUNS_PER_CHUNK_MAX = 64

# Commands that the service processor works on at a time; more of them wait their turn. Well above what can be
# under way for long (an operation and its CANCEL for each LPAR), so that a CANCEL always gets through, and
# half of what the mailboxes on a command's way take.
COMMANDS_UNDER_WAY_MAX = 512

# What a machine remembers of what is over: results of commands that nobody expected a certain result of, and of an
# LPAR earlier lives of its guests. More than that is forgotten, the oldest first.
RESULTS_KEPT_MAX = 4096
LIVES_KEPT_MAX = 1000

# How long a stop (201) and a quiesce (202) may take when the command doesn't say.
STOP_TIMEOUT_NS = 10_000_000_000
QUIESCE_TIMEOUT_NS = 10_000_000_000
# BUSY=WAIT: how often the operator is reminded of what the move waits for. BUSY=HALT: how long a device that
# was told to end may take for it, before it is cleared.
BUSY_REMINDER_NS = 10_000_000_000
HALT_GRACE_NS = 1_000_000_000
# SHRINK: how long a guest may take to answer; then it is stopped, and what it would lose must be unused.
SHRINK_ANSWER_NS = 10_000_000_000
# How long it takes until a control part that died is started again.
PART_RESTART_NS = 1_000_000
# In one message: devices (as many as there can be), and of one device ranges of pages; the others are counted.
BUSY_DEVICES_NAMED_MAX = DEVICES_MAX
BUSY_PAGES_NAMED_MAX = 64

# PLAN: up to so many movable LPARs a plan is exact, unless so many arrangements were looked at (first in haste, where
# what is still to come weighs more, then with care), or their bounds took so many packings each on the average. All
# that bounds it is counted, not timed, so that a plan never depends on the machine.
PLAN_EXACT_LPARS_MAX = 8
PLAN_HASTY_NODES_MAX = 1_000
PLAN_HASTE = 10
PLAN_NODES_MAX = 3_000
PLAN_PACKINGS_A_NODE = 6
# After so many trials to pack it is taken that it can be done.
PLAN_PACKING_TRIALS_MAX = 100
# More LPARs: how often LPARs are looked at, of how many at most all choices that jump are tried, and of how many areas
# between walls each is tried as the place.
PLAN_LOOKS_MAX = 300_000
PLAN_JUMPS_MAX = 6
PLAN_BAYS_MAX = 16
# What plans are compared by: a byte moved, a nanosecond that a guest processor stands still, an LPAR that is
# touched. With these, bytes come first, then time, then LPARs.
PLAN_WEIGHT_BYTE = 10**18
PLAN_WEIGHT_STOPPED_NS = 10**3
PLAN_WEIGHT_GUEST = 1
# PLAN ... GO: how often it plans anew after a step that did not complete; and how many steps it takes in all,
# for others who change the layout meanwhile make it plan anew as well.
PLAN_REPLANS_MAX = 3
PLAN_STEPS_MAX = 256
# Frames out of use that a DISPLAY names; the others are counted only.
RETIRED_NAMED_MAX = 64

# Prediction of stopped times. Before the machine has a history: what the mover does (real clock; a virtual
# one's rate is the scenario's) and what comes before and after the move, each between a least and a most.
CALIBRATION_SAMPLES_MAX = 256
CALIBRATION_RATE_BYTES_S = 1 << 30
CALIBRATION_RATE_FACTOR = 4
CALIBRATION_OTHER_NS = 2_000_000
CALIBRATION_OTHER_HIGH_NS = 50_000_000
# How many samples weigh as much as what was assumed.
CALIBRATION_PRIOR_SAMPLES = 2
# Of the stops, the share that the interval is to hold.
CALIBRATION_COVERAGE_PERCENT = 90

# Virtual clock: what work costs, when the scenario doesn't say.
LIP_MIPS_DEFAULT = 0.1
TRANSFER_RATE_BYTES_S_DEFAULT = 400 << 20
LIP_MIPS_MIN = 1e-6
LIP_MIPS_MAX = 1e6
DEVICE_LATENCY_NS_DEFAULT = 1_000_000

# Times in a scenario, and of a run: ten thousand hours. Floats of seconds keep them to some ns.
RUN_NS_MAX = 36_000_000_000_000_000

# A size or address in a command: beyond every storage, and still a number that a trace can hold.
COMMAND_BYTES_MAX = 1 << 62

# A scenario file; what is larger is none.
SCENARIO_BYTES_MAX = 1 << 20
COMMANDS_MAX = 10_000
FAULTS_MAX = 10_000

# A time slice: instructions under the virtual clock, and the aim in time under the real one.
SLICE_INSTRUCTIONS = 200
SLICE_INSTRUCTIONS_MAX = 1_000_000
SLICE_AIM_NS = 400_000

# A channel program that never ends by itself is ended: CCWs in one start.
CCWS_PER_START_MAX = 4096
# Steps of a channel program that wait for nothing, before others get a turn.
CHANNEL_STEPS_PER_TURN = 16
# A channel program that tells something as often as it likes waits while a mailbox holds more than one part in
# so many of what it can hold.
MAILBOX_BUSY_SHARE = 4
DISK_BLOCK_BYTES = 512
DISK_BLOCKS_MAX = 1 << 32  # a LOCATE's block number has 4 bytes
# Blocks that are read from a disk's file at once, whatever a LOCATE says: the program's count may be far less.
DISK_READ_BLOCKS_MAX = 2048
TAPE_BYTES_DEFAULT = 64 << 20
# Room behind a tape's end, for the trailer that a program writes after it was told.
TAPE_RESERVE_BYTES = 256 << 10
# A line of a console, written or typed, and lines typed that wait to be read.
CONSOLE_LINE_CHARACTERS_MAX = 256
CONSOLE_LINES_WAITING_MAX = 64
# Entries of a scripted device.
DEVICE_SCRIPT_ENTRIES_MAX = 1000
# A device that acts by itself does so this often at most: below it nothing else gets a turn.
DEVICE_INTERVAL_NS_MIN = 10_000

# Damage that a guest keeps in detail; further damage is counted only.
DAMAGE_RECORDS_MAX = 64

# The trace: bytes of event lines that wait in memory before they are hashed and written as one block; and, under the
# real clock, how long they wait at most.
TRACE_BLOCK_BYTES = 64 << 10
TRACE_FLUSH_INTERVAL_S = 0.5
# How hard a compressed trace is pressed: more takes longer than the machine that is traced.
TRACE_GZIP_LEVEL = 5
TRACE_ZSTANDARD_LEVEL = 3
# Events that a trace in memory keeps; each takes about 1 KB.
TRACE_RING_EVENTS_MAX = 1_000_000
# No line of a trace that was written by lparvm comes near this; a reader needs a bound all the same.
TRACE_LINE_BYTES_MAX = 1 << 20
# Of what is wrong with a trace, so much is told in words.
TRACE_PROBLEMS_MAX = 20
# Of what breaks one rule, so much is told in words; of the chain of causes that led to it, so many events; and so many
# events of a trace are remembered to find them (40 bytes each).
RULE_VIOLATIONS_TOLD_MAX = 3
TRACE_CHAIN_LINKS_MAX = 6
TRACE_CAUSES_MAX = 4_000_000
# Commands whose answer a rule remembers: what belongs to one comes at once after it, or never.
RULE_ANSWERS_KEPT_MAX = 4096
# SQL over a trace: what the database may keep in memory (the rest goes to a temporary file), how many events are handed
# to it at once, and how many rows are fetched at a time, of which a table takes its columns' widths.
SQL_MEMORY_BYTES_MAX = 512 << 20
SQL_BATCH_EVENTS = 100_000
SQL_BATCH_ROWS = 1000
# Exports for trace viewers: over how long a guest's rate is taken, and how many packets are written at once.
EXPORT_RATE_NS = 10_000_000
EXPORT_BATCH_PACKETS = 2000
# How often a trace that is still being written is looked at.
TRACE_FOLLOW_INTERVAL_S = 0.1
# What is nested deeper in an event is not shown by eye.
TRACE_NESTING_SHOWN_MAX = 6
# What is shown stays unwritten for so many events at most, when it goes to a file or a pipe.
TRACE_UNWRITTEN_EVENTS_MAX = 1000
# Commands that a summary tells one by one; those beyond are counted by their results.
TRACE_SUMMARY_COMMANDS_MAX = 1000
# Events of a chain or a tree of causes that are shown when no other limit is given.
TRACE_CAUSES_SHOWN = 200

# Pictures of traces. What a trace tells is kept in bounded memory and drawn in a bounded number of shapes: what is
# nearer together than a pixel is one. Spans a track (a lane's states of one kind), and those of all lanes drawn.
PICTURE_TRACK_SPANS_MAX = 4096
PICTURE_SPANS_DRAWN_MAX = 4000
PICTURE_PAGE_SPANS_MAX = 12_000
PICTURE_LANES_MAX = 256
PICTURE_MARKS_MAX = 1024
PICTURE_OPERATIONS_MAX = 4096
# Rows of labels of operations above the lanes; further operations are drawn without.
PICTURE_LABEL_ROWS_MAX = 24
PICTURE_LABEL_CHARACTERS_MAX = 72
# A message chart: events kept of an operation, rows drawn, and actors (columns).
PICTURE_CHART_EVENTS_MAX = 20_000
PICTURE_CHART_ROWS_MAX = 160
PICTURE_CHART_ACTORS_MAX = 24
# The storage map: bands, and corners of all of them; frames out of use that are marked.
PICTURE_BANDS_MAX = 4000
PICTURE_CORNERS_MAX = 40_000
PICTURE_RETIRED_MAX = 256
# Bars of stopped times; of more, the longest are drawn.
PICTURE_BARS_MAX = 60
# A page has message charts of so many operations, and lists so many in its table.
PICTURE_PAGE_CHARTS_MAX = 4
PICTURE_PAGE_OPERATIONS_MAX = 1000

# The gauntlet: seeds of a mutant under each policy, first for all, and at most for one that no policy has caught; and
# how many of one cell go out together.
GAUNTLET_FIRST_SEEDS = 8
GAUNTLET_SEEDS_MAX = 240
GAUNTLET_CHUNK_SEEDS = 4

# Real clock: how long Python lets one thread run before another gets the GIL. A copy thread that comes back
# from a copy waits this long, and longer while guests run; at Python's own 5 ms a move of 256 MB took 1.7
# times as long as at this interval.
THREAD_SWITCH_INTERVAL_S = 0.0001

# Guests of the stress swarm: what one that ends does at most; how much storage is used (they know all of it by heart);
# how long a guest waits at most until it clears a device.
STRESS_OPERATIONS_MAX = 100_000
STRESS_GUEST_PAGES_MAX = 256
STRESS_PATIENCE_NS_MAX = 10_000_000_000
# Linearizability: configurations that are looked at between two ends of calls, before it is left undecided; and values
# that a word could have had, which are told.
STRESS_CONFIGURATIONS_MAX = 10_000
STRESS_VALUES_TOLD_MAX = 4

# A soak under the real clock. How long when nobody says, and at least: below it there is nothing to compare.
SOAK_NS_DEFAULT = 600_000_000_000
SOAK_NS_MIN = 1_000_000_000
SOAK_STORAGE_BYTES_DEFAULT = 512 << 20
SOAK_STORAGE_BYTES_MIN = 16 << 20
# Who gives commands, one after the other without pause.
SOAK_OPERATORS_DEFAULT = 4
SOAK_OPERATORS_MAX = 32
# How long a command may take to its answer; twice what the slowest waits for by itself. How long a guest that should
# run may do nothing: longer than any stop that a command can make of it.
SOAK_ANSWER_NS_MAX = 60_000_000_000
SOAK_STALL_NS_MAX = 30_000_000_000
# How often the guests are looked at.
SOAK_LOOK_NS = 250_000_000
# A guest that was stopped by STOP stands for so long at most, a path is off, an LPAR deactivated; and the wait
# before a command that was refused, since another operation has the LPAR, is given again.
SOAK_PAUSE_NS_MAX = 300_000_000
SOAK_RETRY_NS = 20_000_000
# A CANCEL comes so long after its command at most.
SOAK_CANCEL_NS_MAX = 400_000_000
# Events of its trace, kept in memory; written only where it failed.
SOAK_RING_EVENTS = 5_000
# Samples of memory over the whole of it, and how near they may be to each other: each collects garbage first.
SOAK_SAMPLES = 120
SOAK_SAMPLE_NS_MIN = 50_000_000
# Of the samples this share, in percent, is left out at first: caches and the trace's ring fill. Of fewer than so many
# that are left nothing is said.
SOAK_WARM_UP_PERCENT = 25
SOAK_SAMPLES_JUDGED_MIN = 9
# What it may grow by, between the medians of the first and the last third. Less than the first is noise: guests know
# more the larger their zones are, and what is remembered fills up. More than the second in an hour is a leak, and so
# is more than the third at all.
SOAK_GROWTH_NOISE_BYTES = 12 << 20
SOAK_GROWTH_HOUR_BYTES_MAX = 64 << 20
SOAK_GROWTH_BYTES_MAX = 256 << 20
# Threads come and go with moves; files don't.
SOAK_THREADS_GROWTH_MAX = 8
SOAK_FILES_GROWTH_MAX = 4
# Problems that are told; the others are counted. How often progress is told where there is no terminal.
SOAK_REASONS_MAX = 20
SOAK_TELL_NS = 30_000_000_000

# Stress campaigns. So many seeds are one campaign at most; what is kept of each takes about 300 bytes.
CAMPAIGN_SEEDS_MAX = 10_000_000
CAMPAIGN_JOBS_MAX = 1024
# A seed takes some ms. One without a verdict after so long hangs; its worker process is ended.
CAMPAIGN_SEED_S_MAX = 60.0
# How long a worker process may take to start, before its first seed; and to end when it is told to.
CAMPAIGN_WORKER_START_S = 60.0
CAMPAIGN_WORKER_END_S = 1.0
# Seeds are handed out in chunks, which take about so long: what a dead worker or an interruption loses at most. A chunk
# for Ray takes longer, as it goes through the net.
CAMPAIGN_CHUNK_AIM_S = 0.25
CAMPAIGN_RAY_CHUNK_AIM_S = 2.0
CAMPAIGN_CHUNK_SEEDS_MAX = 1000
# How long a Ray cluster may take to answer at all; how often Ray tries a chunk again whose node or process was lost.
CAMPAIGN_RAY_CONNECT_S = 5.0
CAMPAIGN_RAY_RETRIES = 3
# How often a campaign looks up from waiting; and how often progress is told where there is no terminal.
CAMPAIGN_TICK_S = 0.2
CAMPAIGN_TOLD_INTERVAL_S = 10.0
# A line of a results file; a verdict that would be longer is written without its tape, which its seed makes again.
CAMPAIGN_LINE_BYTES_MAX = 16 << 20
# Failures that a summary and a board tell one by one, and that are shown as they come; further ones are counted. Of a
# worker that died: the bytes of its last words that are looked at. Of what is told in one line, characters.
CAMPAIGN_FAILURES_TOLD_MAX = 200
CAMPAIGN_FAILURES_SHOWN_MAX = 20
CAMPAIGN_LAST_WORDS_BYTES = 16 << 10
CAMPAIGN_DETAIL_CHARACTERS_MAX = 300

# The tape of a failing seed: bytes of its file, and streams in it (a machine of the swarm has about 200 at most).
STRESS_TAPE_BYTES_MAX = 64 << 20
STRESS_TAPE_STREAMS_MAX = 4096
# Shrinking: runs at most where nobody says otherwise, and steps of the scheduler in all of them: about five minutes.
STRESS_SHRINK_ATTEMPTS_MAX = 1000
STRESS_SHRINK_STEPS_MAX = 20_000_000
# The story of a failure: commands, faults and causes that are told one by one; of a long list first and last ones.
STRESS_STORY_LINES_MAX = 40

# The protocol's state space: a search gives up after so many states (each takes about 300 bytes).
STATESPACE_STATES_MAX = 4_000_000
