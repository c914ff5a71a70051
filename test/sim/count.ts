// What happened in a run, so that one sees that it does something.

export class PhoneCounts {
  registrations = 0
  registrationsFailed = 0
  calls = 0
  answered = 0
  cancelled = 0
  refused = 0
  /** Two phones of one number took the call at the same moment. */
  answeredTwice = 0
  hangUps = 0
  reinvites = 0
  transfers = 0
  /** MESSAGE, OPTIONS and INFO. */
  others = 0
  unanswered = 0
}

export class WorldCounts {
  messages = 0
  lost = 0
  kills = 0
  restarts = 0
  partitions = 0
  storeTroubles = 0
  phonesVanished = 0
}
