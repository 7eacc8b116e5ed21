const font = 'system-ui, sans-serif'
const theme = { typography: { fontFamily: font, headings: { fontFamily: font }, code: { fontFamily: 'ui-monospace, monospace' } } }
window.Redoc.init('/openapi.json', { hideDownloadButton: false, theme }, document.getElementById('redoc'))
