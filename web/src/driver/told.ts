import { Told } from '../lib/told.svelte'

/** What the driver is told while the page is closed. */
export const told = new Told('/driver-sw.js', '/driver')
