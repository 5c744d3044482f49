project_name: "whatif"

# The dataset that `whatif sql install --dataset P.D` filled, as P.D. The connection of the model must reach it.
constant: dataset {
  value: "PROJECT.whatif"
  export: override_required
}

# How far back the list of simulations goes, in days of submission: what a list costs is so many partitions.
constant: days {
  value: "90"
  export: override_optional
}
