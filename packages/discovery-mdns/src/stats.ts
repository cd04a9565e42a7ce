/** What a discovery has counted since its start. */
export interface MdnsStats {
  readonly queriesSent: number
  readonly queriesReceived: number
  /** Answers to queries; announcements are counted apart. */
  readonly answersSent: number
  /** Answers to queries that were not sent: too many, or the query was smaller than the answer. */
  readonly answersHeldBack: number
  /** Announcements and goodbyes that nobody asked for. */
  readonly announcementsSent: number
  /** Bytes of queries for topics announced here, and of the answers to them: never more out than in. */
  readonly queryBytesIn: number
  readonly answerBytesOut: number
  /** Verified records of topics that are active here, repeated ones included. */
  readonly recordsAccepted: number
  /** Answers that do not open, or hold a record that is malformed, forged or expired. */
  readonly recordsRefused: number
  /** Records that were not looked at, because more came than are checked per second. */
  readonly recordsSkipped: number
  /** Packets that are no DNS packets, or too large, or announce too many records: not decoded, or not to the end. */
  readonly garbagePackets: number
  /** Packets that were not decoded, because more came than are decoded per second. */
  readonly packetsSkipped: number
  /** Errors of the socket after it had opened. */
  readonly socketErrors: number
}

/** All counters at zero, to be counted up. */
export function createStats(): { -readonly [counter in keyof MdnsStats]: number } {
  return {
    queriesSent: 0,
    queriesReceived: 0,
    answersSent: 0,
    answersHeldBack: 0,
    announcementsSent: 0,
    queryBytesIn: 0,
    answerBytesOut: 0,
    recordsAccepted: 0,
    recordsRefused: 0,
    recordsSkipped: 0,
    garbagePackets: 0,
    packetsSkipped: 0,
    socketErrors: 0,
  }
}
