/** The longest side of a photo in pixels, and the most bytes that the depot takes. */
const [SIDE, BYTES] = [1600, 2 * 1024 * 1024]

/** A photo as the depot takes it: upright, scaled down, JPEG, without what the camera wrote about where it was made. */
export async function scaled(file: Blob): Promise<Blob> {
  const image = await createImageBitmap(file, { imageOrientation: 'from-image' })
  try {
    for (const [side, quality] of [[SIDE, 0.8], [SIDE, 0.6], [1024, 0.6], [800, 0.5]] as const) {
      const jpeg = await drawn(image, side, quality)
      if (jpeg.size <= BYTES) return jpeg
    }
  } finally {
    image.close()
  }
  throw new Error('The photo is too large.')
}

async function drawn(image: ImageBitmap, side: number, quality: number): Promise<Blob> {
  const scale = Math.min(1, side / Math.max(image.width, image.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(image.width * scale))
  canvas.height = Math.max(1, Math.round(image.height * scale))
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
  return blobOf(canvas, 'image/jpeg', quality)
}

export function blobOf(canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob> {
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error('The picture could not be made.'))), type, quality))
}

/** A UUID, also where the page came over plain HTTP and `crypto.randomUUID` is missing (RFC 9562, version 4). */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

interface Detector {
  detect(image: ImageBitmap): Promise<{ rawValue: string }[]>
}

/** The browser's reader of barcodes, where it has one. */
export function detector(): Detector | null {
  const Made = (globalThis as { BarcodeDetector?: new () => Detector }).BarcodeDetector
  return Made ? new Made() : null
}

/** The first barcode on a photo; null: none is seen. */
export async function barcodeOn(file: Blob): Promise<string | null> {
  const image = await createImageBitmap(file)
  try {
    return (await detector()?.detect(image))?.[0]?.rawValue ?? null
  } finally {
    image.close()
  }
}
