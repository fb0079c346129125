// Vue is loaded once as a classic script, for Quasar and for us: what imports "vue" gets that copy.
module.exports = window.Vue;
