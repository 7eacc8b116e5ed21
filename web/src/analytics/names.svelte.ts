import type { Driver } from '../drivers/types'
import { all } from '../lib/api'
import { DIMENSIONS, type Dimension } from './types'

/** Names of drivers; where they cannot be had, their ids do. Made while a component is. */
export class Names {
  private drivers: ReadonlyMap<string, string> = $state.raw(new Map())

  constructor() {
    $effect(() => {
      const abort = new AbortController()
      all<Driver>('/drivers', abort.signal)
        .then((drivers) => (this.drivers = new Map(drivers.map((d) => [d.id, d.name]))))
        .catch(() => {})
      return () => abort.abort()
    })
  }

  of(dimension: Dimension, key: string): string {
    return (dimension === 'driver' && this.drivers.get(key)) || key
  }

  /** "driver Ana" */
  words([dimension, key]: [Dimension, string]): string {
    return `${dimension} ${this.of(dimension, key)}`
  }
}

/** The two parts of a text like `vehicle:van-1`; null where it is not one. */
export function partsOf(of: string): [Dimension, string] | null {
  const at = of.indexOf(':')
  const dimension = DIMENSIONS.find((d) => d === of.slice(0, at))
  return dimension && at + 1 < of.length ? [dimension, of.slice(at + 1)] : null
}
