// Quasar's UMD build is its plug-in object and its exports in one.
module.exports = { ...window.Quasar, QuasarPlugin: window.Quasar };
