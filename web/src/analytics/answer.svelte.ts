import { api, Refused } from '../lib/api'

/** What one address answers. Made while a component is, it asks again when the address changes, and when `again` does. */
export class Answer<T> {
  /** What was answered last; of another address, until this one answers. */
  value: T | null = $state.raw(null)
  /** Is `value` what the present address answered? */
  current = $state(false)
  fault = $state('')
  /** Has the depot no such thing? */
  missing = $state(false)
  busy = $state(false)
  private answered = ''

  /** `null`: there is nothing to ask. */
  constructor(path: () => string | null, again: () => unknown = () => 0) {
    $effect(() => {
      const asked = path()
      again()
      if (asked !== this.answered) this.current = false
      if (asked === null) {
        this.value = null
        this.answered = this.fault = ''
        this.busy = false
        return
      }
      const abort = new AbortController()
      this.busy = true
      api<T>(asked, { signal: abort.signal })
        .then((value) => {
          this.value = value
          this.fault = ''
          this.missing = false
          this.answered = asked
          this.current = true
        })
        .catch((error) => {
          if (abort.signal.aborted) return
          const refused = Refused.of(error)
          this.fault = refused.told
          this.missing = refused.status === 404
          // Of this address what was there is still true; of another it never was.
          if (!this.current) this.value = null
        })
        .finally(() => !abort.signal.aborted && (this.busy = false))
      return () => abort.abort()
    })
  }
}
