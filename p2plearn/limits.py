"""Every bound in the program, each with its reason. Sizes are in bytes, times in seconds unless the name says otherwise.

Knows nothing of any other module.
"""

KiB = 1024
MiB = 1024 * KiB

# --- records (docs/PROTOCOL.md) ---
MAX_RECORD = 16 * KiB  # raw bytes: a long page of text; what is longer is an attachment
MAX_REFS = 32  # a record names a handful of others; bounds the index rows one record costs
MAX_TOPICS = 16  # more is spam; bounds the index rows one record costs
MAX_TOPIC = 64  # a topic is a word or two
MAX_WORD = 32  # kind, space, relation, language: names, not texts
MAX_LICENCE = 64  # the longest SPDX identifiers are about 40
MAX_ATTACHMENTS = 16  # per record
MAX_CID = 64  # a CIDv1 with SHA-256 is 36
MAX_MEDIA_TYPE = 127  # RFC 6838: 127 for each half; real ones are under 80
MAX_FILE_NAME = 255  # what every file system allows
MAX_ALT = 1000  # a description, not an essay
MAX_BODY_ITEMS = 64  # elements in one body array
MAX_NESTING = 6  # arrays in arrays, the outermost included; deeper is an attack on a recursive reader
MAX_ARRAY = 512  # elements of one array: a batch of records. msgpack reserves room for what a header claims, at up to 1,024 levels
MAX_VALUES = 4_096  # values in one encoding, at every depth: bounds reading to some 300 KB and 2 ms beyond the texts and bytes
MAX_INT = 2**53 - 1  # what every language reads exactly
MAX_TITLE = 300  # one line
MAX_HEADING = 80  # characters of the first line of an offer or a wish that stand for a title
MAX_NAME = 80  # a person's name
MAX_OPEN_TO = 16
MAX_STEP = 10_000  # steps of one exercise
MAX_HOWTO_STEPS = 64  # of a howto, and as many pitfalls; with more it is several howtos
MAX_FIXES = 64  # in one verdict
FUTURE_TOLERANCE_MS = 24 * 3600 * 1000  # a record claimed further ahead is sorted last and marked

# --- frames and messages of a sync session ---
MAX_FRAME = 65_500  # py-libp2p's Yamux is fastest at writes of 65,507-65,524 bytes and halves at 65,536
MAX_MESSAGE = 1 * MiB  # decompressed; 500 records of 2 KiB
MAX_BATCH_RECORDS = 500  # one transaction; larger batches gain nothing
MAX_BATCH_BYTES = 768 * KiB  # leaves room in a message for one more record and the envelope
WINDOW = 4  # batches under way unacknowledged: fills the pipe, bounds what a receiver holds to 4 MiB
MAX_ZSTD_WINDOW = 1 * MiB  # memory a frame may make us allocate
MAX_HEADS = 16_384  # in one message (192 KiB); more go in several
MAX_HEADS_TOTAL = 65_536  # authors in one round; heads only save bytes, so the rest goes by sketch
MAX_SCOPES = 8  # different parts of the commons that sessions are about at once; each takes some 75 bytes for each record in it
MAX_SCOPE = 256  # topics, and people, that a node which does not hold everything tells others it holds
MAX_SKETCH_SYMBOLS = 4_096  # in one answer: 64 KiB
MAX_SKETCH_CELL = 8_192  # symbols of one part, decoding 5,900 differences in 0.15 s; what differs more is split
MAX_SPLIT_BITS = 16  # parts of the salted id space: 65,536
MAX_ROUND_SYMBOLS = 262_144  # of one round (4 MiB): they tell of 180,000 ids and take 5 s to peel; what is left is for the next round
ASK_RECORDS = 1_000  # in one ask: two batches; small enough that several peers share the work, large enough that asking costs nothing
MAX_ASKS = 2  # unserved: while one is served the next is there already
MAX_RUNS = 1_000  # in one ask, one record each at the least
MAX_CLAIMS = 262_144  # ids and stretches of runs under way from any peer, some 20 MB: what one round tells of; more may come twice
MAX_BROKEN_PROMISES = 3  # asks of a session for runs that turned out shorter than promised: somebody may forget a record just then
THOROUGH_EVERY = 32  # rounds; between two looks, a pass over all ids each, for ids that hide one another in the unsalted sketch
MAX_NEWS = 10_000  # ids waiting to be pushed to one slow peer; the rest is found in the next round

# --- attachments ---
MAX_ATTACHMENT = 64 * MiB
CHUNK = 256 * KiB  # leaf size of a file's block tree, the default of IPFS nodes
MAX_LINKS = 174  # of one node of that tree, as IPFS nodes do it, so that a file has the same CID everywhere
MAX_BLOCK = 512 * KiB  # a leaf, or the root of 256 links (13 KiB), with room for other nodes' choices
MAX_SIZES = 4  # claims about one attachment's size that are tried: whoever lies about it must not keep others from it
UNASKED_ATTACHMENT = 1 * MiB  # fetched without anybody looking
BLOCK_TIMEOUT = 20.0
FETCH_PER_PEER = 4  # blocks of one file under way with one peer: fills the pipe
FETCH_AT_ONCE = 16  # blocks of one file under way in all: 8 MiB at the most
MAX_WANTLIST = 64  # blocks one peer may wait for on one stream
MAX_BITSWAP_STREAMS = 4  # on which one peer may ask at once; it needs one
MAX_BITSWAP_ASKING = 64 * KiB  # a message from a peer that we never asked: about 1,300 wants
MAX_BITSWAP_MESSAGE = 1 * MiB + 64 * KiB  # from one that we did: two of the largest blocks
MAX_BITSWAP_FIELDS = 8_192  # protobuf fields in one message: 10 ms and 2 MiB to read
MAX_ASKED = 4_096  # CIDs remembered by peer, so that a late answer is told from one that nobody asked for
SERVING_SLOTS = 32  # blocks loaded and on their way to peers at once: 16 MiB

# --- export files ---
MAX_BUNDLE_SEARCH = 2 * MiB  # read without a header or a whole entry before a file counts as no export; three of the largest entries
MAX_BUNDLE_WASTE = 4  # times the file's bytes that checksums may cost in vain: damage costs once, an attacker's overlapping entries no end

# --- store ---
DEFAULT_QUOTA = 4 * 1024 * MiB
QUOTA_BINDS_AT = 0.90  # below this share of the quota everybody's records are welcome
QUOTA_ONE_KEY = 0.01
QUOTA_STRANGERS = 0.20
MIN_FREE_FOR_PEERS = 200 * MiB
MIN_FREE_FOR_OWN = 50 * MiB  # a full disk refuses DELETE too
RESERVE = 4 * MiB  # held by a file where the disk is getting full, and given up for deleting
RESERVE_BELOW = 1024 * MiB  # free space at which it is made: above, nobody fills a disk from one command to the next
MAX_DECLINED = 100_000  # ids forgotten by a person, and as many turned away; the oldest are dropped first
MAX_DOUBTED = 10_000  # authors whose records are checked before they are stored
CHECK_BATCH = 500  # postponed signatures checked in one portion: 33 ms of one core, and one transaction
CHECK_IDLE = 0.5  # nothing came for so long: time for postponed checks
CHECK_AT_LEAST = 10.0  # a portion of them so often, however much comes
CHECK_CORES = 4  # signatures are checked on as many at once
CHECKER_IDLE = 60.0  # without a signature to check, after which the processes that do it are ended: 25 MiB each
CHECKER_TIMEOUT = 30.0  # for one request: 250 signatures take 17 ms
CHECK_FEW = 16  # signatures not worth waking another thread for: 1 ms
MAX_LOG = 16 * MiB  # of the write-ahead log, from which a commit folds it into the file itself: folding needs as much room again
LOG_INTERVAL = 2.0  # between two times that it is folded beside the commits, while something comes
MAX_TOGETHER = 2_000  # records committed together if so many wait: a page of an index that several fall on is written once
FORGET_BATCH = 500  # records deleted in one transaction: others come in between, and the log stays small on a full disk
FORGET_FEW = 50  # the same where the disk is full and the log must fit into RESERVE
INDEX_BATCH = 5_000  # rows looked at for closed requests in one transaction
INDEX_INBOX = 250  # rows looked at for the inbox in one transaction: 12 ms
INDEX_SLICE = 200  # rows of the full-text index in one transaction: live records may wait 14 ms for it; larger ones save a fifth of CPU
INDEX_MERGE = 64  # pages of it merged after each, some 6 ms: as many as keep its pieces few at 1,000,000 records
INDEX_WAIT = 20.0  # how long a search waits for records to be indexed: some 150,000; of more it says that they are left out
DISK_INTERVAL = 30.0  # between two looks whether a full disk has room again
INDEX_IDLE = 1.0  # nothing came for so long: time for indexing; a first sync shall not wait for it, nor news be indexed one by one
INDEX_AT_LEAST = 2.0  # a portion of that so often, however much comes
MAX_HOLDERS = 4_096  # authors of whom it is known what they hold: counting them takes half a millisecond
HOLDERS_INTERVAL = 1.0  # between two times that what was found of them is written: of a whole café in one transaction
LOCK_TIMEOUT = 5.0  # how long a command waits while one and the same process has the store

# --- node ---
MAX_CONNECTIONS = 128
MAX_INBOUND = 96  # of MAX_CONNECTIONS: whoever floods us with connections leaves room for those we choose to dial
MAX_CONNECTIONS_PER_ADDRESS = 64  # a café behind one address fits; one machine cannot take every inbound place
MAX_CONNECTIONS_PER_PEER = 2  # both sides may dial at once
MAX_HANDSHAKES = 64  # inbound at once; one more ends the oldest, so that silent dialers shut nobody out
MAX_HANDSHAKE_BYTES = 16 * KiB  # read from somebody not yet authenticated; an honest handshake takes under 1 KiB
MAX_NEGOTIATION_BYTES = 4 * KiB  # read from a new stream before its protocol is known
MAX_STREAMS_PER_PEER = 16
STREAM_WINDOW = 512 * KiB  # unread bytes a stream may hold here; 50 MB/s at 10 ms of round trip
MAX_UNREAD_BYTES = 64 * MiB  # on all streams of all peers together: what 128 honest ones leave for a moment; the fullest connection goes
PING_INTERVAL = 3.0
PING_TIMEOUT = 4.0  # a frozen peer is noticed within the sum of the two; cafés stall for a second or two
WRITE_TIMEOUT = 10.0  # one frame ≤ 64 KiB into the kernel: slower than 6 KB/s is no connection
LINGER = 30.0  # a stream we closed and the other side left open is reset after so much silence
GOODBYE_TIMEOUT = 0.25  # for the farewell frame of a connection we close
HANDSHAKE_TIMEOUT = 15.0
DIAL_TIMEOUT = 10.0
STREAM_TIMEOUT = 10.0
IDLE_TIMEOUT = 90.0  # a session says something at least every SYNC_INTERVAL
GREETING_TIMEOUT = 3.0  # how long `connect` waits for the peer's hello; the connection stands either way
STALL_TIMEOUT = 30.0  # without a batch or a word from a peer that was asked for records: slower than 12 KB/s
MAX_WASTED = 10_000  # records of no use in SYNC_INTERVAL and the round it ends in, besides two for each new one: 0.7 s for signatures
REST_FACTOR = 10.0  # times as long as a peer's messages kept us busy, it waits for the next round: at most a tenth of a core each
ROUND_GAP = 0.5  # between two rounds of one session, whoever opens them
MAX_UNREAD = 8 * MiB  # waiting to be written to a peer before we stop reading from it; a window of batches is half of it
MAX_DIALLED = 32  # connected peers beyond which nobody new is dialled; whoever dials us is welcome still
DIALS_AT_ONCE = 8
ATTACHMENT_RETRY = 30.0  # between two looks for attachments that nobody had
MAX_WANTED_ATTACHMENTS = 10_000  # waiting to be fetched unasked; the rest at the next start, or when somebody looks
FETCH_TIMEOUT = 50.0  # of one file, below API_TIMEOUT; what came is kept and the next try goes on there
SYNC_INTERVAL = 20.0  # a round on the open session: what gossip and pushes lost is found this soon
MDNS_LOOKUPS = 64  # announcements waiting to be read; a flood of them is dropped
MDNS_TIMEOUT = 1  # whole seconds for one answer, and for taking leave
MDNS_PATIENCE = 5.0  # of two nodes that find each other the lower id dials; the other does after so long
INTERFACES_INTERVAL = 5.0  # how soon a laptop on another network listens there
REDIAL_FIRST = 1.0
REDIAL_MAX = 30.0  # the contract: at most 30 s apart
MAX_REMEMBERED_PEERS = 512
MAX_ADDRESSES_PER_PEER = 8
MAX_ADDRESS = 256
MAX_EXCHANGED_PEERS = 64  # in one address message
MAX_ADDRESS_MESSAGE = MAX_EXCHANGED_PEERS * MAX_ADDRESSES_PER_PEER * (MAX_ADDRESS + 3) + 8 * KiB  # of `protocol.addresses`
MAX_GOSSIP = 64 * KiB  # one record and its envelope fit four times over
GOSSIP_PER_SECOND = 200  # per forwarder; more is dropped here and comes by sync
GOSSIP_AFTER = 0.01  # a session's push goes first, and connected peers have committed it when gossip brings it again
GOSSIP_AT_ONCE = 16  # messages of one forwarder judged at a time: what comes during a commit goes together into the next
GOSSIP_TIMEOUT = 5.0  # one validation; slower counts as ignored
GOSSIP_QUEUE = 2_000  # messages waiting for one slow peer
MAX_GOSSIP_QUEUE_BYTES = 1 * MiB  # of them; what does not fit is dropped and comes by sync
MAX_GOSSIP_CACHE = 8 * MiB  # messages of the last five seconds, for peers that ask again
GOSSIP_WAITING = 256  # own records waiting to be published; of a flood of them the rest goes by sync, which is cheaper
GOSSIP_PACE = 64  # publishing waits while so many messages wait for every peer
MAX_GOSSIP_RPC = 256 * KiB  # one frame of gossip: several messages and control
MAX_GOSSIP_REPLAY = 32  # messages sent again for one request
SEEN_GOSSIP = 20_000  # message ids remembered
FAULTS_TO_GRAYLIST = 4  # one may be chance; what a peer forwards was to be checked by it first
MAX_SCORED_PEERS = 4_096  # faults remembered of peers that left, so that reconnecting does not wash them away
FAULT_HALF_LIFE = 600.0
GOSSIP_FRESH_S = 60.0  # a record held for longer is not forwarded again
MEMORY_PIPE = 256 * KiB  # bytes under way in one direction of an in-memory stream, as Yamux's first window
SWITCH_INTERVAL = (
    0.001  # Python's lock passes on; at the usual 0.005 a worker waits that long for it after each signature and each statement
)
SHUTDOWN_TIMEOUT = 4.0  # the contract says 5

# --- local API ---
MAX_REQUEST = 1 * MiB  # a JSON request; uploads stream
API_TIMEOUT = 60.0
TRANSFER_TIMEOUT = 600.0  # silence while a node puts an export of gigabytes together
API_GRACE = 1.0  # answers under way when the node stops; SHUTDOWN_TIMEOUT has to hold the rest
MAX_LIMIT = 1_000  # items in one answer
MAX_PEOPLE = 100_000  # profiles folded into names
MAX_WORDS = 16  # in one search: what people type; each costs a look into the index
MAX_MATCHES = 500  # best rows of the index that a search looks at
RANKED = 200  # newest matches that are read and ranked, or as many as are wanted: 100 µs each
COMMON = 500  # records with a word as it is, from which on it is not taken for a beginning, and says nothing about what is similar
BEGINNINGS_TIME = 0.01  # CPU s of gathering what begins like the words of a search: some 100,000 places
SEARCH_TIME = 0.5  # of one look into the index: an honest one takes a tenth of it at 1,000,000 records
MAX_CANDIDATES = 50  # rows of the index compared closely with a question, of which MAX_SIMILAR are shown
MIN_BEGINNING = 3  # bytes of a word from which it is matched as a beginning: what begins with “a” takes 0.3 s to gather
EXCERPT = 160  # characters of text shown around what was found
DEFAULT_FEED = 50
MIN_PREFIX = 6
MAX_THREAD = 10_000  # records folded into one conversation, or into all of one list: 1 s
MAX_CLOSING = 200  # closing words of an asker, and retractions of them, by which a request is told to be closed
KEPT_RECORDS = 20_000  # records of folded conversations that are kept: 40 MB
MAX_TRACED = 150  # conversations of mine in which is looked for what became of my help: 50 ms when nothing of them is folded yet
MAX_FACTS = 300  # of which my own facts are told: 150 ms, and a few of it again
MAX_LINEAGE = 500  # versions of a snippet, and versions of those, whose adopters are counted: some 20 ms
MAX_LINEAGE_DEPTH = 100  # people under one another in a tree: two levels of JSON each, of the 1,000 that readers go into
LINEAGE_WINDOW_MS = 30 * 24 * 3600 * 1000  # from somebody's own beginning to that of whom they brought it to: the contract's 30 days
MAX_ADOPTIONS = 200  # words of one's own about adoptions in which follow-ups are looked for, the latest: 10 ms
MAX_FOLLOW_UPS = 20  # shown at a time: more questions would be nagging
INBOX_PAGE = 50  # candidates for the inbox folded at a time
MAX_UPSTREAM = 32  # snippets that a snippet was made from, one from the other: whose authors an adoption may credit
MAX_QUERY = 500
MAX_AROUND = 64  # variants, sources and similar ones shown with a thing, each
MAX_SIMILAR = 5  # more would keep an asker reading instead of asking
MIN_SIMILAR = 0.2  # of 1: below, what is shared is chance
MAX_DECLARED = 100_000  # words of who teaches and who learns what that are folded, and as many answers to the compass
MAX_ANSWERS = 1_000  # to the three questions, kept for oneself: one a week for twenty years
MAX_CAPACITY = 1_000  # people taught at a time; more is no number that anybody means
HELPING_DAYS = 14  # after which whoever was helped and has not said how it went takes no helper's place any more
SAME_ROOM_MS = 10  # there and back: one LAN, whatever it jitters
NEAR_MS = 100  # the same town, or a slow Wi-Fi
TOPIC_RECORDS = 10_000  # snippets of a topic whose authors are listed as its people: 50 ms
NEWEST_ASKED = 100  # requests of a topic folded to see who helps in it: 200 µs each; and as many offers and wishes looked at
NEWEST_OWN = 30  # things of one's own of each kind that are matched with others'
NEWEST_TOPICS = 16  # of theirs, whose newest things of others are looked at
NEWEST_OF_TOPIC = 10  # things of others of each kind: more would bury who is near under who was here once
NEWEST_AT_HOME = 3  # the same on the first screen, which is to come at once: 20 ms
NEWEST_OF_AUTHOR = 2  # of them, while others have said something too: one author alone fills no topic
NEWEST_PAGES = 50  # of so many looked at for that: 25 ms
MAX_COMPARED = 2 * KiB  # characters of a text that are compared when matching: 1 ms
MAX_BACK_OFFERS = 3  # requests offered to somebody who has shown the like: an invitation, not a duty
MAX_SOCKET_PATH = 100  # Linux takes 107 bytes, macOS 103
MAX_EVENTS_WAITING = 64  # lines of `up` that nobody has read; what comes after is dropped

# --- maths in a terminal ---
MAX_MATHS = 1 * KiB  # characters of LaTeX in one formula; what is beyond any of these bounds is printed as it was written
MAX_MATHS_TOKENS = 200  # commands, groups and scripts in one formula: 50 µs each, and more than a page of algebra has
MAX_MATHS_NESTING = 16  # brackets and environments in one another: the parser takes some ten of Python's 1,000 calls for each
MAX_MATHS_IN_TEXT = 8 * KiB  # characters of LaTeX in one text: 0.3 s at the worst
