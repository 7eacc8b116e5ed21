/** A filter of a list under a name, as its address has it. */
export interface View {
  name: string
  query: string
}

/** Saved filters of one list. They are the browser's: each place of work has its own. */
export class Views {
  all: View[] = $state([])

  constructor(private readonly list: string) {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(this.key) ?? '[]')
      if (Array.isArray(kept)) this.all = kept.filter((v): v is View => typeof v?.name === 'string' && typeof v?.query === 'string')
    } catch {
      // What cannot be read is begun anew.
    }
  }

  private get key(): string {
    return `depotd.views.${this.list}`
  }

  /** Keeps it; one of the same name goes. */
  save(name: string, query: string): void {
    this.write([...this.all.filter((v) => v.name !== name), { name, query }].sort((a, b) => a.name.localeCompare(b.name)))
  }
  remove(name: string): void {
    this.write(this.all.filter((v) => v.name !== name))
  }

  private write(all: View[]): void {
    this.all = all
    try {
      localStorage.setItem(this.key, JSON.stringify(all))
    } catch {
      // Without storage they last as long as the page.
    }
  }
}
