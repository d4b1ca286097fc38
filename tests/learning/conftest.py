"""Its presence lets tests in the folders below import `learning_cases`."""
