import { mount } from 'svelte'
import '../app.css'
import Driver from './Driver.svelte'

const target = document.getElementById('app')
if (!target) throw new Error('the page has no #app')
export default mount(Driver, { target })

// Over plain HTTP there is none, and the page needs a line to start.
if (import.meta.env.PROD && 'serviceWorker' in navigator) void navigator.serviceWorker.register('/driver-sw.js', { scope: '/driver' }).catch(() => {})
