/** What the page says of spans of time, each with its blanks: minutes, hours and minutes, less than a minute; seconds, minutes. */
export interface Words {
  until: [string, string, string]
  since: [string, string]
}

const fill = (text: string, blanks: Record<string, number>) => text.replace(/\{(\w)\}/g, (blank, name: string) => String(blanks[name] ?? blank))

/** How long it is until then; nothing when that is a day or more. */
export function until(ms: number, words: Words): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return words.until[2]
  if (minutes < 60) return fill(words.until[0], { n: minutes })
  return minutes < 1440 ? fill(words.until[1], { h: Math.floor(minutes / 60), m: minutes % 60 }) : ''
}

/** How long ago that was; nothing when that is an hour or more, for then the time itself says it. */
export function since(ms: number, words: Words): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return fill(words.since[0], { n: seconds })
  return seconds < 3600 ? fill(words.since[1], { n: Math.floor(seconds / 60) }) : ''
}

/** Milliseconds until it is asked again: as the page says, longer with each failure, and never sooner than the depot bids. */
export function pause(everyS: number, failures: number, bidden: string | null): number {
  const grown = Math.min(everyS * 2 ** Math.min(failures, 5), Math.max(everyS, 60))
  return 1000 * Math.max(grown, Number(bidden) || 0)
}
