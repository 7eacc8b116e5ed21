/** Viridis, from dark violet to yellow: as light as it is much, also for those who see few colours and on paper without any. */
const ANCHORS = ['440154', '482878', '3e4989', '31688e', '26828e', '1f9e89', '35b779', '6ece58', 'b5de2b', 'fde725'].map((hex) =>
  [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)),
)

/** The colour of a part from 0 to 1. */
export function viridis(part: number): string {
  const at = Math.max(0, Math.min(1, part)) * (ANCHORS.length - 1)
  const below = Math.min(ANCHORS.length - 2, Math.floor(at))
  const mixed = ANCHORS[below]!.map((low, i) => Math.round(low + (ANCHORS[below + 1]![i]! - low) * (at - below)))
  return `#${mixed.map((n) => n.toString(16).padStart(2, '0')).join('')}`
}

export const GRADIENT = `linear-gradient(to right, ${ANCHORS.map((_, i) => viridis(i / (ANCHORS.length - 1))).join(', ')})`
