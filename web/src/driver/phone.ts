import type { Picture, Queued, Step } from './types'
import { picturesOf, type Store } from './outbox'

const [STEPS, PICTURES, KEPT] = ['steps', 'pictures', 'kept']

function ended<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result)
    request.onerror = () => failed(request.error)
  })
}

function committed(tx: IDBTransaction): Promise<void> {
  return new Promise((done, failed) => {
    tx.oncomplete = () => done()
    tx.onabort = tx.onerror = () => failed(tx.error ?? new Error('The phone could not keep it.'))
  })
}

/** What the phone keeps in IndexedDB: it lasts when the page is closed and the phone is switched off. */
export class Phone implements Store {
  private constructor(private readonly db: IDBDatabase) {}

  static async open(): Promise<Phone> {
    const request = indexedDB.open('depotd-driver', 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STEPS, { autoIncrement: true }).createIndex('id', 'id', { unique: true })
      request.result.createObjectStore(PICTURES, { keyPath: 'id' })
      request.result.createObjectStore(KEPT)
    }
    return new Phone(await ended(request))
  }

  queued(): Promise<Queued[]> {
    return ended(this.db.transaction(STEPS).objectStore(STEPS).getAll())
  }

  async add(step: Step, pictures: Picture[]): Promise<void> {
    const tx = this.db.transaction([STEPS, PICTURES], 'readwrite', { durability: 'strict' })
    for (const picture of pictures) tx.objectStore(PICTURES).put(picture)
    tx.objectStore(STEPS).add(step)
    await committed(tx)
  }

  picture(id: string): Promise<Picture | undefined> {
    return ended(this.db.transaction(PICTURES).objectStore(PICTURES).get(id))
  }

  async sent(id: string): Promise<void> {
    const tx = this.db.transaction(PICTURES, 'readwrite')
    const picture: Picture | undefined = await ended(tx.objectStore(PICTURES).get(id))
    if (picture) tx.objectStore(PICTURES).put({ ...picture, sent: true })
    await committed(tx)
  }

  async done(id: string): Promise<void> {
    await this.change(id, (cursor, pictures) => {
      for (const picture of picturesOf(cursor.value)) pictures.delete(picture)
      cursor.delete()
    })
  }

  async refuse(id: string, why?: string): Promise<void> {
    await this.change(id, (cursor) => {
      const { refused: _, ...step }: Queued = cursor.value
      cursor.update(why === undefined ? step : { ...step, refused: why })
    })
  }

  private async change(id: string, what: (cursor: IDBCursorWithValue, pictures: IDBObjectStore) => void): Promise<void> {
    const tx = this.db.transaction([STEPS, PICTURES], 'readwrite', { durability: 'strict' })
    const cursor = await ended(tx.objectStore(STEPS).index('id').openCursor(id))
    if (cursor) what(cursor, tx.objectStore(PICTURES))
    await committed(tx)
  }

  /** What was kept under that name last. */
  recall<T>(name: string): Promise<T | undefined> {
    return ended(this.db.transaction(KEPT).objectStore(KEPT).get(name))
  }

  async keep(name: string, what: unknown): Promise<void> {
    const tx = this.db.transaction(KEPT, 'readwrite')
    if (what === undefined) tx.objectStore(KEPT).delete(name)
    else tx.objectStore(KEPT).put(what, name)
    await committed(tx)
  }
}
