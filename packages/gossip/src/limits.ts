/** Every bound of gossip, with its unit and reason. */

/** Bytes of one published message: presence and announcements are small, data goes through sync. */
export const MAX_PAYLOAD_BYTES = 65_536

/** Bytes of one frame of GossipSub: what a channel carries in one message. */
export const MAX_FRAME_BYTES = 262_144

/** Topics that this node can take part in at one time, and that one neighbour can be subscribed to. */
export const MAX_TOPICS = 256

/** Bytes of a topic's name in UTF-8. */
export const MAX_TOPIC_BYTES = 256

/** Messages of a topic that wait for its reader when nothing else was said. */
export const TOPIC_BUFFER = 256

/** Subscriptions that one frame may carry: all topics of a neighbour. */
export const MAX_FRAME_SUBSCRIPTIONS = 256

/** Messages that one frame may carry. An answer to IWANT has several; ours are cut into more frames. */
export const MAX_FRAME_MESSAGES = 1_024

/** IHAVE, IWANT, GRAFT, PRUNE and IDONTWANT entries of a kind that one frame may carry: one per topic. */
export const MAX_FRAME_CONTROLS = 256

/** Message ids that one IHAVE or IWANT may name. */
export const MAX_FRAME_MESSAGE_IDS = 5_000

/** Bytes of one message id: ours have 24. */
export const MAX_MESSAGE_ID_BYTES = 64

/** Longest back-off that a neighbour can ask for, in seconds. 2^63 has crashed others. */
export const MAX_BACKOFF_SECONDS = 300

/** Bytes that may wait to be sent to one neighbour; further frames are not sent and counted. */
export const SEND_QUEUE_BYTES = 1_048_576

/** Frames of one neighbour per second; of more, the reader waits, and so does the neighbour. */
export const FRAMES_PER_PEER_AND_SECOND = 500

/** Frames that a neighbour can send at once after a pause. */
export const FRAME_BURST = 2_000

/** How long the id of a message is remembered, in milliseconds. */
export const SEEN_MS = 120_000

/** After this time an author's older numbers are refused, in milliseconds: half of what ids are remembered for. */
export const SEQUENCE_WINDOW_MS = 60_000

/** Authors whose numbers are remembered. The one that was heard of longest ago goes first. */
export const MAX_AUTHORS = 16_384

/** How far ahead of the clock an author's first number may be, in milliseconds. */
export const MAX_SEQUENCE_AHEAD_MS = 86_400_000

/** Neighbours that a node wants to pass each message on to. */
export const MESH_DEGREE = 3

/** Fewer neighbours in the mesh than this, and more are asked in. */
export const MESH_LOW = 2

/** More neighbours in the mesh than this, and some are let go. */
export const MESH_HIGH = 4

/** Neighbours outside the mesh that hear each second which messages there are. */
export const LAZY_DEGREE = 2

/** Milliseconds between two heartbeats of the router. */
export const HEARTBEAT_MS = 1_000

/** What a fault costs: the score falls by ten times this, and half of it is forgotten each `FAULT_HALF_LIFE_MS`. */
export const FAULT_COST = 1

/** After this time a fault counts half, in milliseconds. */
export const FAULT_HALF_LIFE_MS = 60_000

/** Faults after which the session of a neighbour ends. */
export const MAX_FAULTS = 5

/** For how long no channel is taken from a neighbour whose session was ended, in milliseconds. */
export const BAN_MS = 600_000

/** Peers whose faults are remembered. The one that was heard of longest ago goes first. */
export const MAX_JUDGED_PEERS = 4_096

/** Score below which a neighbour's session ends at the next heartbeat. */
export const GRAYLIST_SCORE = -80

/** First pause before a channel is opened again, in milliseconds; it doubles with each failure. */
export const REOPEN_MS = 500

/** Longest pause before a channel is opened again, in milliseconds. */
export const MAX_REOPEN_MS = 30_000

/** Peers of a database that a node keeps sessions with when nothing else was said. */
export const ACTIVE_PEERS = 10

/** Fewest peers that can be asked for: with fewer, losses part the overlay. */
export const MIN_ACTIVE_PEERS = 8

/** Most peers of a database that the overlay keeps sessions with, however many ask. */
export const MAX_ACTIVE_PEERS = 16

/** Bytes of a presence state in CBOR: names, colours, cursors. */
export const MAX_STATE_BYTES = 4_096

/** How deep lists and objects may lie within each other in a presence state. */
export const MAX_STATE_DEPTH = 16

/** Milliseconds between two states of one room that this node publishes: 20 per second. */
export const PRESENCE_INTERVAL_MS = 50

/** Milliseconds after which a state that has not changed is published again. */
export const PRESENCE_HEARTBEAT_MS = 15_000

/** Milliseconds without a sign after which somebody counts as gone. */
export const PRESENCE_TTL_MS = 45_000

/** Shortest time that a peer can ask to be shown without a sign, in milliseconds. */
export const MIN_PRESENCE_TTL_MS = 1_000

/** Longest time that a peer can ask to be shown without a sign, in milliseconds. */
export const MAX_PRESENCE_TTL_MS = 120_000

/** Rooms that one node can be in at one time. */
export const MAX_PRESENCE_ROOMS = 64

/** Entries of others that are shown in one room. Who comes when it is full takes the place of somebody's second entry, or is not shown, and counted. */
export const MAX_PRESENT_PEERS = 256

/** Entries that one peer can have in one room: windows of one device. */
export const MAX_INSTANCES_PER_PEER = 8

/** States per second that are taken from one peer in one room; more are ignored and counted. */
export const PRESENCE_STATES_PER_SECOND = 25

/** States that one peer can publish at once after a pause. */
export const PRESENCE_BURST = 40

/** Longest time before a newcomer is answered, in milliseconds, and the shortest between two answers. */
export const PRESENCE_ANSWER_MS = 1_000

/** With more entries in the room, newcomers wait for heartbeats: answers of all would be a storm. */
export const PRESENCE_ANSWER_PEERS = 32

/** Documents that one announcement may name. */
export const MAX_ANNOUNCED_DOCUMENTS = 64

/** Heads of one document that an announcement may name; of more, these stand for all. */
export const MAX_ANNOUNCED_HEADS = 8

/** Addresses under which an announcer says that it can be reached. */
export const MAX_ANNOUNCED_ADDRESSES = 4

/** Bytes of one such address in UTF-8. */
export const MAX_ANNOUNCED_ADDRESS_BYTES = 512

/** Milliseconds between two announcements of documents by one node. */
export const ANNOUNCE_INTERVAL_MS = 250

/** Milliseconds between two announcements of the same document by one node. */
export const DOCUMENT_ANNOUNCE_INTERVAL_MS = 2_000

/** Documents that wait to be announced, and that are remembered as announced. The oldest gives way. */
export const MAX_PENDING_ANNOUNCEMENTS = 4_096

/** Shortest time before a holder that is no author announces, or a reader pulls, in milliseconds: what flows anyway has then arrived. */
export const NEWS_DELAY_MS = 1_000

/** What chance adds to it at most, in milliseconds: so that not all do the same at one time. */
export const NEWS_SPREAD_MS = 2_000

/** Announcements of the same heads after which no other holder repeats them. */
export const ENOUGH_HOLDERS = 2

/** Documents that are known to have news elsewhere. The oldest gives way. */
export const MAX_WANTED_DOCUMENTS = 1_024

/** Those among them that one author has announced. Its oldest gives way. */
export const MAX_WANTED_PER_AUTHOR = 64

/** Looks for which a holder with a session is given time before another holder is dialled. */
export const PATIENT_LOOKS = 2

/** Peers that are remembered as holders of one document's news. */
export const MAX_HOLDERS = 8

/** Peers that are dialled at one time to pull what was announced. */
export const MAX_PULLS = 4

/** Milliseconds between two looks whether a wanted document has come. */
export const PULL_LOOK_MS = 5_000

/** Documents that are looked for at one time: each may have to be read from the disk. */
export const MAX_LOOKS = 8

/** Looks after which a wanted document is given up: whoever has it did not give it. */
export const MAX_PULL_LOOKS = 12

/** For how long a peer is not dialled again to pull from it, in milliseconds. */
export const PULL_PAUSE_MS = 60_000

/** Protocols that a peer can say it speaks. */
export const MAX_ANNOUNCED_PROTOCOLS = 64

/** Bytes of one such protocol's name in UTF-8. */
export const MAX_ANNOUNCED_PROTOCOL_BYTES = 64

/** Milliseconds between two announcements of capabilities that have not changed. */
export const CAPABILITIES_INTERVAL_MS = 60_000

/** Shortest time between two announcements of capabilities, in milliseconds. */
export const MIN_CAPABILITIES_INTERVAL_MS = 1_000

/** For how long an announcement of capabilities holds, in milliseconds. */
export const CAPABILITIES_TTL_MS = 180_000

/** Longest time for which a peer can let its capabilities hold, in milliseconds. */
export const MAX_CAPABILITIES_TTL_MS = 600_000

/** Peers whose capabilities are remembered. The one that was heard of longest ago gives way. */
export const MAX_CAPABLE_PEERS = 4_096
/** Links that wait for an answer while the overlay is full: room for those who ask urgently. */
export const SPARE_LINKS = 2

/** For how long a neighbour counts as new, in milliseconds. */
export const NEWCOMER_MS = 600_000

/** With so many new neighbours, half of a full node's, one of them goes when another one comes: the old ones stay. */
export const MAX_NEWCOMERS = 7

/** Peers that are remembered as replacements. Of more, one goes at random. */
export const MAX_PASSIVE_PEERS = 64

/** Addresses of one peer that overlays pass on. */
export const MAX_ENTRY_ADDRESSES = 4

/** Bytes of one such address. */
export const MAX_ENTRY_ADDRESS_BYTES = 128

/** Peers in one shuffle. */
export const MAX_SHUFFLE_ENTRIES = 16

/** Bytes of one message of the overlay: a shuffle full of the longest addresses. */
export const MAX_OVERLAY_MESSAGE_BYTES = 16_384

/** Hops of a walk that makes a new peer known; a larger number of a peer counts as this. */
export const JOIN_HOPS = 5

/** With so many hops left, such a walk leaves the new peer as a replacement. */
export const PASSIVE_JOIN_HOPS = 3

/** Hops of a shuffle; a larger number of a peer counts as this. */
export const SHUFFLE_HOPS = 3

/** Neighbours that are part of a shuffle. */
export const SHUFFLE_ACTIVE = 3

/** Replacements that are part of a shuffle. */
export const SHUFFLE_PASSIVE = 4

/** Milliseconds between two shuffles, with up to a fifth of jitter. */
export const SHUFFLE_INTERVAL_MS = 60_000

/** Milliseconds between two shuffles of a node that has too few neighbours, with up to a fifth of jitter. */
export const HUNGRY_SHUFFLE_MS = 5_000

/** Shuffles of others whose way back is remembered. The oldest goes first. */
export const MAX_SHUFFLES_UNDER_WAY = 256

/** Milliseconds between two looks at whether neighbours are missing, with up to a fifth of jitter. */
export const OVERLAY_TICK_MS = 1_000

/** For how long a dial or an answer is waited for, in milliseconds. */
export const OVERLAY_PATIENCE_MS = 15_000

/** Neighbours that are asked at one time. */
export const MAX_OVERLAY_DIALS = 4

/** With fewer neighbours than this, asking is urgent: others make room. */
export const URGENT_BELOW = 2

/** First pause before a peer that refused or did not answer is asked again, in milliseconds; it doubles with each time. */
export const RETRY_MS = 10_000

/** Longest pause before a peer is asked again, in milliseconds. */
export const MAX_RETRY_MS = 300_000

/** Failed dials in a row after which a replacement is forgotten. */
export const MAX_FAILED_DIALS = 3

/** Messages of the overlay that one peer may send per second; of more, the reader waits. */
export const OVERLAY_MESSAGES_PER_SECOND = 50

/** Messages of the overlay that a peer can send at once after a pause. */
export const OVERLAY_BURST = 200

/** How long a peer that is let go may take to hear of it, in milliseconds. */
export const OVERLAY_GOODBYE_MS = 1_000
